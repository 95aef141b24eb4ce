import type { DatabaseSync, StatementSync } from "node:sqlite";
import { Kept } from "./kept.ts";
import { encodeJson, numberIn, textIn } from "./row.ts";
import { MAX_NUMBER } from "./schema.ts";
import type { Stamps } from "./stamps.ts";

/** A user's inbox as the writer knows it. */
export interface UserHead {
  readonly id: number;
  readonly name: string;
  epoch: string;
  top: number;
  /** The stamp of the newest entry. */
  stamp: number;
  floor: number;
  /** The bytes of the chunk of entries that is being filled; undefined where its first entries came before this was read. */
  chunkBytes: number | undefined;
}

/** A conversation's log as the writer knows it. */
export interface LogHead {
  readonly id: number;
  readonly name: string;
  top: number;
  /** Of a pair, who has blocked the other one; absent until it is asked for. */
  blockers?: readonly string[] | undefined;
}

/** A device that sends, as the writer knows it. */
export interface SenderHead {
  readonly id: number;
  /** How many of its sends are numbered. */
  number: number;
  /** When it was last noted to be in use, in milliseconds. */
  usedAt: number;
}

/** The last entry of a conversation that an inbox took, and how far its user has read and got it. */
export interface Mark {
  readonly seq: number;
  readonly read: number;
  readonly delivered: number;
}

const NO_MARK: Mark = { seq: 0, read: 0, delivered: 0 };

/** A mark that its table has not taken yet. */
interface UnsavedMark {
  readonly user: number;
  readonly log: number;
  readonly mark: Mark;
}

/** Entries that each of the maps keeps at most. */
const MAX_KEPT = 40_000;

/**
 * Where logs and inboxes stand: what every send needs first.
 *
 * There is one writer, so what it has read once stays true: heads are kept and changed together with the tables. After a rollback they
 * are no longer true and must be forgotten. One that was forgotten for want of room is read again, as another object: so a head must
 * not be held on to from one write to the next.
 */
export class Heads {
  readonly #stamps: Stamps;
  readonly #users = new Kept<UserHead>(MAX_KEPT);
  readonly #logs = new Kept<LogHead>(MAX_KEPT);
  readonly #senders = new Kept<SenderHead>(MAX_KEPT);
  readonly #marks = new Kept<Mark>(MAX_KEPT);
  readonly #unsavedMarks = new Map<string, UnsavedMark>();
  readonly #selectUser: StatementSync;
  readonly #updateEpoch: StatementSync;
  readonly #selectLog: StatementSync;
  readonly #insertLog: StatementSync;
  readonly #selectSender: StatementSync;
  readonly #insertSender: StatementSync;
  readonly #selectMark: StatementSync;
  readonly #upsertMark: StatementSync;
  readonly #removeMark: StatementSync;

  constructor(database: DatabaseSync, stamps: Stamps) {
    this.#stamps = stamps;
    const numbers = `BETWEEN id << 32 AND id << 32 | ${MAX_NUMBER}`;
    this.#selectUser = database.prepare(`
      SELECT id, epoch, coalesce(top & ${MAX_NUMBER}, 0) AS top,
        coalesce((SELECT stamp FROM inboxes WHERE place = top), 0) AS stamp,
        coalesce(((SELECT min(place) FROM inboxes WHERE place ${numbers}) & ${MAX_NUMBER}) - 1, 0) AS floor
      FROM (SELECT id, epoch, (SELECT max(place) FROM inboxes WHERE place ${numbers}) AS top
        FROM users WHERE name = ?)`);
    this.#updateEpoch = database.prepare("UPDATE users SET epoch = ? WHERE id = ?");
    this.#selectLog = database.prepare(`
      SELECT id, coalesce((SELECT max(place) FROM messages WHERE place ${numbers}) & ${MAX_NUMBER}, top) AS top
      FROM conversations WHERE name = ?`);
    this.#insertLog = database.prepare("INSERT INTO conversations (name) VALUES (?) RETURNING id");
    this.#selectSender = database.prepare(`
      SELECT id, used_at, coalesce((SELECT max(number) FROM dedupe WHERE sender = senders.id), 0) AS number
      FROM senders WHERE user = ? AND device = ?`);
    this.#insertSender = database.prepare(
      "INSERT INTO senders (user, device, used_at) VALUES (?, ?, ?) RETURNING id",
    );
    this.#selectMark = database.prepare(
      "SELECT seq, read, delivered FROM marks WHERE user = ? AND conversation = ?",
    );
    this.#upsertMark = database.prepare(`
      INSERT INTO marks (user, conversation, seq, read, delivered) VALUES (?, ?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET seq = excluded.seq, read = excluded.read, delivered = excluded.delivered`);
    this.#removeMark = database.prepare("DELETE FROM marks WHERE user = ? AND conversation = ?");
  }

  /** Undefined when there is no such user. */
  user(name: string): UserHead | undefined {
    const kept = this.#users.get(name);
    if (kept) return kept;
    const row = this.#selectUser.get(name);
    if (!row) return undefined;
    const { id, top, stamp, floor } = {
      id: numberIn(row, "id"),
      top: numberIn(row, "top"),
      stamp: numberIn(row, "stamp"),
      floor: numberIn(row, "floor"),
    };
    const epoch = textIn(row, "epoch");
    return this.#users.set(name, { id, name, epoch, top, stamp, floor, chunkBytes: undefined });
  }

  /** Those of `names` that there are. Each is found when it is asked for: before that, another may have taken its room. */
  *users(names: Iterable<string>): Generator<UserHead> {
    for (const name of names) {
      const head = this.user(name);
      if (head) yield head;
    }
  }

  /** Begins a new epoch of an inbox: no cursor into it can be trusted any more. */
  renew(user: UserHead): void {
    user.epoch = this.#stamps.epoch();
    this.#updateEpoch.run(user.epoch, user.id);
  }

  /** The log of a conversation, made if there is none. */
  log(name: string): LogHead {
    const found = this.findLog(name);
    if (found) return found;
    const id = numberIn({ ...this.#insertLog.get(name) }, "id");
    return this.#logs.set(name, { id, name, top: 0 });
  }

  /** The log of a conversation; undefined when there is none. */
  findLog(name: string): LogHead | undefined {
    const kept = this.#logs.get(name);
    if (kept) return kept;
    const row = this.#selectLog.get(name);
    return row && this.#logs.set(name, { id: numberIn(row, "id"), name, top: numberIn(row, "top") });
  }

  /**
   * A device as a sender, made if there is none.
   *
   * @param at Wall time in milliseconds.
   */
  sender(user: UserHead, device: string, at: number): SenderHead {
    const key = senderKey(user.id, device);
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
    return this.#senders.set(key, { id, number, usedAt });
  }

  /** How far an inbox has taken a conversation; all of it 0 when not at all. */
  mark(user: UserHead, log: LogHead): Mark {
    const key = markKey(user, log);
    const kept = this.#marks.get(key) ?? this.#unsavedMarks.get(key)?.mark;
    if (kept) return kept;
    const row = this.#selectMark.get(user.id, log.id);
    if (!row) return this.#marks.set(key, NO_MARK);
    const { seq, read, delivered } = {
      seq: numberIn(row, "seq"),
      read: numberIn(row, "read"),
      delivered: numberIn(row, "delivered"),
    };
    return this.#marks.set(key, { seq, read, delivered });
  }

  /**
   * Its table takes it with {@linkcode save}: in one transaction a group may go on several times.
   *
   * @throws {RangeError} When one of its numbers is none that the table takes: by then the write would have been answered.
   */
  setMark(user: UserHead, log: LogHead, mark: Mark): void {
    const { seq, read, delivered } = mark;
    if (!(Number.isSafeInteger(seq) && Number.isSafeInteger(read) && Number.isSafeInteger(delivered))) {
      const found = [seq, read, delivered].join(", ");
      throw new RangeError(
        `Cannot note how far "${user.name}" has got "${log.name}": not whole numbers: ${found}`,
      );
    }
    const key = markKey(user, log);
    this.#marks.set(key, mark);
    this.#unsavedMarks.set(key, { user: user.id, log: log.id, mark });
  }

  removeMark(user: UserHead, log: LogHead): void {
    const key = markKey(user, log);
    this.#removeMark.run(user.id, log.id);
    this.#marks.delete(key);
    this.#unsavedMarks.delete(key);
  }

  /** Writes down what the tables have not taken yet; to be called before a commit, and where a part of a transaction may be taken back. */
  save(): void {
    for (const { user, log, mark } of this.#unsavedMarks.values())
      this.#upsertMark.run(user, log, mark.seq, mark.read, mark.delivered);
    this.#unsavedMarks.clear();
  }

  /** Forgets a sender that was removed. The others stay: to read them again goes through all that each has sent. */
  forgetSender(user: number, device: string): void {
    this.#senders.delete(senderKey(user, device));
  }

  /** Forgets everything: what was changed since the last commit is carried out again, or did not happen. */
  forget(): void {
    for (const kept of [this.#users, this.#logs, this.#senders, this.#marks]) kept.clear();
    this.#unsavedMarks.clear();
  }
}

function markKey(user: UserHead, log: LogHead): string {
  return `${user.id}:${log.id}`;
}

function senderKey(user: number, device: string): string {
  return `${user}:${device}`;
}
