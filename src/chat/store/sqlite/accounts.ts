import type { DatabaseSync, StatementSync } from "node:sqlite";
import { FAILURE_WINDOW_MS, type LoginTry, MAX_FAILURES_COUNTED, type Token, type User } from "../account.ts";
import { randomEpoch } from "../line.ts";
import { numberIn } from "./row.ts";
import type { UserOp, WriteResult } from "./write.ts";

/** Rows that one sweep removes at most of each table. */
const SWEEP_ROWS = 256;
/** Failed logins that are kept at most, of all names together; then the oldest go. */
const MAX_FAILURES = 100_000;

const DONE: WriteResult = { type: "done" };

/** Writes users, their tokens, and failed logins. */
export class Accounts {
  readonly #insertUser: StatementSync;
  readonly #updatePassword: StatementSync;
  readonly #insertToken: StatementSync;
  readonly #removeToken: StatementSync;
  readonly #removeTokens: StatementSync;
  readonly #removeExpired: StatementSync;
  readonly #countFailures: StatementSync;
  readonly #insertFailure: StatementSync;
  readonly #removeFailure: StatementSync;
  readonly #capFailures: StatementSync;
  readonly #removeFailures: StatementSync;

  constructor(database: DatabaseSync) {
    this.#insertUser = database.prepare(
      "INSERT INTO users (name, password, epoch) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
    );
    this.#updatePassword = database.prepare("UPDATE users SET password = ? WHERE name = ? AND password = ?");
    this.#insertToken = database.prepare(
      "INSERT OR REPLACE INTO tokens (hash, user, expires_at) VALUES (?, ?, ?)",
    );
    this.#removeToken = database.prepare("DELETE FROM tokens WHERE hash = ?");
    this.#removeTokens = database.prepare("DELETE FROM tokens WHERE user = ?");
    this.#removeExpired = database.prepare(
      `DELETE FROM tokens WHERE hash IN (SELECT hash FROM tokens WHERE expires_at <= ? LIMIT ${SWEEP_ROWS})`,
    );
    this.#countFailures = database.prepare(`SELECT
      (SELECT count(*) FROM (SELECT 1 FROM login_failures WHERE name = ?1 AND at > ?3 LIMIT ?4)) AS name,
      (SELECT count(*) FROM (SELECT 1 FROM login_failures WHERE host = ?2 AND at > ?3 LIMIT ?4)) AS host`);
    this.#insertFailure = database.prepare("INSERT INTO login_failures (at, name, host) VALUES (?, ?, ?)");
    this.#removeFailure = database.prepare("DELETE FROM login_failures WHERE id = ?");
    this.#capFailures = database.prepare(
      `DELETE FROM login_failures WHERE id <= (SELECT max(id) FROM login_failures) - ${MAX_FAILURES}`,
    );
    this.#removeFailures = database.prepare(`
      DELETE FROM login_failures WHERE id IN (
        SELECT id FROM (SELECT id, at FROM login_failures ORDER BY id LIMIT ${SWEEP_ROWS}) WHERE at <= ?)`);
  }

  apply(op: UserOp): WriteResult {
    switch (op.type) {
      case "create_user":
        return { type: "created", isNew: this.#createUser(op.user) };
      case "change_password":
        return { type: "changed", isChanged: this.#changePassword(op) };
      case "add_token":
        this.#addToken(op.token);
        return DONE;
      case "remove_token":
        this.#removeToken.run(op.hash);
        return DONE;
      case "remove_tokens":
        this.#removeTokens.run(op.user);
        return DONE;
      case "note_login_try":
        return { type: "noted", attempt: this.#noteTry(op.name, op.host, op.now) };
      case "take_back_login_try":
        this.#removeFailure.run(op.id);
        return DONE;
    }
  }

  /** Removes some of what has expired at wall time `now`. @returns Whether there may well be more. */
  sweep(now: number): boolean {
    const tokens = this.#removeExpired.run(now).changes;
    const failures = this.#removeFailures.run(now - FAILURE_WINDOW_MS).changes;
    return Math.max(Number(tokens), Number(failures)) >= SWEEP_ROWS;
  }

  #changePassword({ name, from, to }: Extract<UserOp, { type: "change_password" }>): boolean {
    if (Number(this.#updatePassword.run(to, name, from).changes) === 0) return false;
    this.#removeTokens.run(name);
    return true;
  }

  #createUser({ name, password }: User): boolean {
    return Number(this.#insertUser.run(name, password, randomEpoch()).changes) > 0;
  }

  #noteTry(name: string, host: string, now: number): LoginTry {
    const row = { ...this.#countFailures.get(name, host, now - FAILURE_WINDOW_MS, MAX_FAILURES_COUNTED) };
    const before = { name: numberIn(row, "name"), host: numberIn(row, "host") };
    const { lastInsertRowid } = this.#insertFailure.run(now, name, host);
    this.#capFailures.run();
    return { id: `${lastInsertRowid}`, name, host, before };
  }

  #addToken({ hash, user, expiresAt }: Token): void {
    this.#insertToken.run(hash, user, expiresAt);
  }
}
