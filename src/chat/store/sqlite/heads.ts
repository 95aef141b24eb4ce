import type { DatabaseSync, StatementSync } from "node:sqlite";
import { encodeJson, numberIn, textIn } from "./row.ts";
import { MAX_NUMBER } from "./schema.ts";

/** A user's inbox as the writer knows it. */
export interface UserHead {
  readonly id: number;
  epoch: string;
  top: number;
  floor: number;
}

/** A conversation's log as the writer knows it. */
export interface LogHead {
  readonly id: number;
  readonly name: string;
  top: number;
}

/** A device that sends, as the writer knows it. */
export interface SenderHead {
  readonly id: number;
  /** How many of its sends are numbered. */
  number: number;
  /** When it was last noted to be in use, in milliseconds. */
  usedAt: number;
}

/** The last entry of a conversation that an inbox took. */
export interface Mark {
  readonly seq: number;
  readonly stamp: number;
}

const NO_MARK: Mark = { seq: 0, stamp: 0 };

/** Entries that each of the maps keeps at most. */
const MAX_KEPT = 20_000;

/**
 * Where logs and inboxes stand: what every send needs first.
 *
 * There is one writer, so what it has read once stays true: the heads are kept (the longest kept go first) and changed together
 * with the tables. After a rollback they are no longer true and must be forgotten.
 */
export class Heads {
  readonly #users = new Map<string, UserHead>();
  readonly #logs = new Map<string, LogHead>();
  readonly #senders = new Map<string, SenderHead>();
  readonly #marks = new Map<string, Mark>();
  readonly #selectUser: StatementSync;
  readonly #selectLog: StatementSync;
  readonly #insertLog: StatementSync;
  readonly #selectSender: StatementSync;
  readonly #insertSender: StatementSync;
  readonly #selectMark: StatementSync;
  readonly #upsertMark: StatementSync;

  constructor(database: DatabaseSync) {
    const numbers = `BETWEEN id << 32 AND id << 32 | ${MAX_NUMBER}`;
    this.#selectUser = database.prepare(`
      SELECT id, epoch,
        coalesce((SELECT max(place) FROM inboxes WHERE place ${numbers}) & ${MAX_NUMBER}, 0) AS top,
        coalesce(((SELECT min(place) FROM inboxes WHERE place ${numbers}) & ${MAX_NUMBER}) - 1, 0) AS floor
      FROM users WHERE name = ?`);
    this.#selectLog = database.prepare(`
      SELECT id, coalesce((SELECT max(place) FROM messages WHERE place ${numbers}) & ${MAX_NUMBER}, 0) AS top
      FROM conversations WHERE name = ?`);
    this.#insertLog = database.prepare("INSERT INTO conversations (name) VALUES (?) RETURNING id");
    this.#selectSender = database.prepare(`
      SELECT id, used_at, coalesce((SELECT max(number) FROM dedupe WHERE sender = id), 0) AS number
      FROM senders WHERE user = ? AND device = ?`);
    this.#insertSender = database.prepare(
      "INSERT INTO senders (user, device, used_at) VALUES (?, ?, ?) RETURNING id",
    );
    this.#selectMark = database.prepare("SELECT seq, stamp FROM marks WHERE user = ? AND conversation = ?");
    this.#upsertMark = database.prepare(`
      INSERT INTO marks (user, conversation, seq, stamp) VALUES (?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET seq = excluded.seq, stamp = excluded.stamp`);
  }

  /** Undefined when there is no such user. */
  user(name: string): UserHead | undefined {
    const kept = this.#users.get(name);
    if (kept) return kept;
    const row = this.#selectUser.get(name);
    if (!row) return undefined;
    const { id, top, floor } = {
      id: numberIn(row, "id"),
      top: numberIn(row, "top"),
      floor: numberIn(row, "floor"),
    };
    return keep(this.#users, name, { id, epoch: textIn(row, "epoch"), top, floor });
  }

  /** The log of a conversation, made if there is none. */
  log(name: string): LogHead {
    const kept = this.#logs.get(name);
    if (kept) return kept;
    const row = this.#selectLog.get(name) ?? { ...this.#insertLog.get(name), top: 0 };
    return keep(this.#logs, name, { id: numberIn(row, "id"), name, top: numberIn(row, "top") });
  }

  /**
   * A device as a sender, made if there is none.
   *
   * @param at Wall time in milliseconds.
   */
  sender(user: UserHead, device: string, at: number): SenderHead {
    const key = `${user.id}:${device}`;
    const kept = this.#senders.get(key);
    if (kept) return kept;
    const name = encodeJson(device);
    const row = this.#selectSender.get(user.id, name) ?? {
      ...this.#insertSender.get(user.id, name, at),
      used_at: at,
      number: 0,
    };
    const { id, number, usedAt } = {
      id: numberIn(row, "id"),
      number: numberIn(row, "number"),
      usedAt: numberIn(row, "used_at"),
    };
    return keep(this.#senders, key, { id, number, usedAt });
  }

  /** How far an inbox has taken a conversation; seq 0 when not at all. */
  mark(user: UserHead, log: LogHead): Mark {
    const key = `${user.id}:${log.id}`;
    const kept = this.#marks.get(key);
    if (kept) return kept;
    const row = this.#selectMark.get(user.id, log.id);
    const mark = row ? { seq: numberIn(row, "seq"), stamp: numberIn(row, "stamp") } : NO_MARK;
    return keep(this.#marks, key, mark);
  }

  setMark(user: UserHead, log: LogHead, mark: Mark): void {
    this.#upsertMark.run(user.id, log.id, mark.seq, mark.stamp);
    keep(this.#marks, `${user.id}:${log.id}`, mark);
  }

  /** Forgets senders that were removed. */
  forgetSenders(): void {
    this.#senders.clear();
  }

  /** Forgets everything: what was changed since the last commit did not happen. */
  forget(): void {
    for (const map of [this.#users, this.#logs, this.#senders, this.#marks]) map.clear();
  }
}

function keep<V>(map: Map<string, V>, key: string, value: V): V {
  if (map.size >= MAX_KEPT && !map.has(key)) {
    const [oldest] = map.keys();
    if (oldest !== undefined) map.delete(oldest);
  }
  map.set(key, value);
  return value;
}
