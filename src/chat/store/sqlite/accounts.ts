import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { DeviceState, Token, User } from "../contract.ts";
import type { StoreLimits } from "../limits.ts";
import { randomEpoch } from "../line.ts";
import type { Heads } from "./heads.ts";
import { encodeJson, numberIn } from "./row.ts";

/** Tokens that one sweep removes at most. */
const SWEEP_ROWS = 256;

/** Writes users, their tokens and their devices. */
export class Accounts {
  readonly #heads: Heads;
  readonly #maxDevices: number;
  readonly #insertUser: StatementSync;
  readonly #insertToken: StatementSync;
  readonly #removeToken: StatementSync;
  readonly #removeTokens: StatementSync;
  readonly #removeExpired: StatementSync;
  readonly #login: StatementSync;
  readonly #selectDevice: StatementSync;
  readonly #upsertDevice: StatementSync;
  readonly #forgetDevices: StatementSync;
  readonly #ackDevice: StatementSync;
  readonly #ackUser: StatementSync;

  constructor(database: DatabaseSync, heads: Heads, limits: Required<StoreLimits>) {
    this.#heads = heads;
    this.#maxDevices = limits.devices;
    this.#insertUser = database.prepare(
      "INSERT INTO users (name, password, epoch) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
    );
    this.#insertToken = database.prepare(
      "INSERT OR REPLACE INTO tokens (hash, user, expires_at) VALUES (?, ?, ?)",
    );
    this.#removeToken = database.prepare("DELETE FROM tokens WHERE hash = ?");
    this.#removeTokens = database.prepare("DELETE FROM tokens WHERE user = ?");
    this.#removeExpired = database.prepare(
      `DELETE FROM tokens WHERE hash IN (SELECT hash FROM tokens WHERE expires_at <= ? LIMIT ${SWEEP_ROWS})`,
    );
    this.#login = database.prepare(
      "UPDATE users SET generation = generation + 1 WHERE id = ? RETURNING generation, acked",
    );
    this.#selectDevice = database.prepare("SELECT acked FROM devices WHERE user = ? AND device = ?");
    this.#upsertDevice = database.prepare(
      "INSERT OR REPLACE INTO devices (user, device, acked, generation, used_at) VALUES (?, ?, ?, ?, ?)",
    );
    this.#forgetDevices = database.prepare(`
      DELETE FROM devices WHERE user = ?1 AND device IN (
        SELECT device FROM devices WHERE user = ?1 ORDER BY generation DESC LIMIT -1 OFFSET ?2)`);
    this.#ackDevice = database.prepare(
      "UPDATE devices SET acked = ?3 WHERE user = ?1 AND device = ?2 AND acked < ?3",
    );
    this.#ackUser = database.prepare("UPDATE users SET acked = ?2 WHERE id = ?1 AND acked < ?2");
  }

  /** @returns Whether the name was free. */
  createUser({ name, password }: User): boolean {
    return Number(this.#insertUser.run(name, password, randomEpoch()).changes) > 0;
  }

  addToken({ hash, user, expiresAt }: Token): void {
    this.#insertToken.run(hash, user, expiresAt);
  }

  removeToken(hash: string): void {
    this.#removeToken.run(hash);
  }

  removeTokens(user: string): void {
    this.#removeTokens.run(user);
  }

  /** Removes some of the tokens that have expired at wall time `now`. */
  sweep(now: number): void {
    this.#removeExpired.run(now);
  }

  openDevice(user: string, device: string, now: number): DeviceState {
    const head = this.#heads.user(user);
    const login = head && this.#login.get(head.id);
    if (!head || !login) return { epoch: "", top: 0, floor: 0, generation: 0, acked: 0 };
    const name = encodeJson(device);
    const known = this.#selectDevice.get(head.id, name);
    const acked = numberIn(known ?? login, "acked");
    const generation = numberIn(login, "generation");
    this.#upsertDevice.run(head.id, name, acked, generation, now);
    if (!known) this.#forgetDevices.run(head.id, this.#maxDevices);
    return { epoch: head.epoch, top: head.top, floor: head.floor, generation, acked };
  }

  ack(user: string, device: string, epoch: string, inbox: number): void {
    const head = this.#heads.user(user);
    if (!head || head.epoch !== epoch || inbox > head.top) return;
    if (this.#ackDevice.run(head.id, encodeJson(device), inbox).changes) this.#ackUser.run(head.id, inbox);
  }
}
