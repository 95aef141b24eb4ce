import type { DatabaseSync } from "node:sqlite";
import { pairOf } from "../../protocol.ts";
import type { StoreLimits } from "../limits.ts";
import { Accounts } from "./accounts.ts";
import { Devices } from "./devices.ts";
import { Friends } from "./friends.ts";
import { GroupHeads } from "./group_heads.ts";
import { Groups } from "./groups.ts";
import { Heads } from "./heads.ts";
import { type Delivered, Inboxes } from "./inboxes.ts";
import { LogSweep } from "./log_sweep.ts";
import { Sends } from "./sends.ts";
import type { Stamps } from "./stamps.ts";
import { type Trimmed, Trimming } from "./trimming.ts";
import type { WriteOp, WriteResult } from "./write.ts";

/** Carries out single writes within a transaction that somebody else holds. */
export class Applier {
  readonly #heads: Heads;
  readonly #groupHeads: GroupHeads;
  readonly #accounts: Accounts;
  readonly #devices: Devices;
  readonly #friends: Friends;
  readonly #groups: Groups;
  readonly #sends: Sends;
  readonly #logSweep: LogSweep;
  readonly #trimming: Trimming;

  constructor(database: DatabaseSync, limits: Required<StoreLimits>, stamps: Stamps) {
    const heads = new Heads(database, stamps);
    const groupHeads = new GroupHeads(database);
    const trimming = new Trimming(database, heads, limits);
    const friends = new Friends(database, heads);
    const inboxes = new Inboxes(database, heads, trimming, stamps);
    this.#heads = heads;
    this.#groupHeads = groupHeads;
    this.#accounts = new Accounts(database);
    this.#devices = new Devices(database, heads, trimming, limits);
    this.#friends = friends;
    this.#groups = new Groups(database, { heads, groupHeads, friends }, limits);
    this.#sends = new Sends(database, { heads, groupHeads, friends, inboxes, stamps }, limits);
    this.#trimming = trimming;
    this.#logSweep = new LogSweep(database, limits.logMs);
  }

  /**
   * Carries out one write.
   *
   * @param now Wall time in milliseconds.
   * @param delivered Gets the new inbox entries, in order.
   */
  apply(op: WriteOp, now: number, delivered: Delivered[]): WriteResult {
    switch (op.type) {
      case "send":
        return { type: "sent", result: this.#sends.send(op.message, delivered) };
      case "ack":
        this.#devices.ack(op, now);
        return { type: "done" };
      case "read":
        return { type: "read", result: this.#sends.read(op.user, op.conversation, op.seq) };
      case "open_device":
        return { type: "opened", device: this.#devices.open(op) };
      case "end_devices":
        this.#devices.endAll(op.user, op.except, now);
        return { type: "done" };
      case "check_place":
        return { type: "checked", finding: this.#devices.check(op.place) };
      case "friend": {
        const { user, action, other } = op;
        return { type: "friend", result: this.#friends.change(user, action, other, pairOf(user, other)) };
      }
      case "group":
        return { type: "group", result: this.#groups.change(op.group, op.by, op.change) };
      case "change_password": {
        const result = this.#accounts.apply(op);
        if (result.type === "changed" && result.isChanged) this.#devices.endAll(op.name, op.except, now);
        return result;
      }
      case "create_user":
      case "add_token":
      case "remove_token":
      case "remove_tokens":
      case "note_login_try":
      case "take_back_login_try":
        return this.#accounts.apply(op);
    }
  }

  /** Must be called after the last of the writes that are carried out, or taken back, together: some of what they change is written only now. */
  save(): void {
    this.#heads.save();
  }

  /**
   * Drops some of what has been acknowledged: a part of it with each batch, so that none takes long.
   *
   * @param added Inbox entries that this one has added.
   */
  trim(added: number): readonly Trimmed[] {
    return this.#trimming.trim(added);
  }

  /** Drops what {@linkcode trim} has dropped the first time. */
  trimAgain(trimmed: readonly Trimmed[]): void {
    for (const one of trimmed) this.#trimming.trimAgain(one);
  }

  /** Must be called after every rollback: what is remembered of the tables is no longer true. */
  forget(): void {
    this.#heads.forget();
    this.#groupHeads.forget();
  }

  /** Removes some of what has expired at wall time `now`; takes a bounded time. @returns Whether there may well be more. */
  sweep(now: number): boolean {
    this.#logSweep.sweep(now);
    const isMore = [this.#accounts.sweep(now), this.#sends.sweep(now)];
    return isMore.includes(true);
  }
}
