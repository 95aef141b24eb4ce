import { Buffer } from "node:buffer";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { StoreLimits } from "../limits.ts";
import { gapLine, gapTail, messageLine, randomEpoch, randomStamp } from "../line.ts";
import type { Heads, LogHead, UserHead } from "./heads.ts";
import { bytesIn, numberIn } from "./row.ts";
import { MAX_NUMBER } from "./schema.ts";

/** A new inbox entry. */
export interface Delivered {
  readonly user: string;
  readonly line: Uint8Array;
}

/** A member of a conversation whose inbox is to get its messages. */
export interface Member {
  readonly name: string;
  readonly head: UserHead;
}

/** A message that its log has just taken. */
export interface Logged {
  readonly log: LogHead;
  readonly seq: number;
  readonly stamp: number;
  readonly tail: Tail;
}

/** The part of an entry's line that every inbox has alike: as its line takes it, and as the tables do. */
export interface Tail {
  readonly text: string;
  readonly bytes: Uint8Array;
}

/** Encodes a tail once for everybody. */
export function encodeTail(text: string): Tail {
  return { text, bytes: Buffer.from(text) };
}

/** Log rows in memory at once while missing ones are brought. */
const PAGE_ROWS = 64;

/** Brings messages from logs to inboxes, each once and in the order of its log. */
export class Inboxes {
  readonly #heads: Heads;
  readonly #maxEntries: number;
  readonly #insert: StatementSync;
  readonly #trim: StatementSync;
  readonly #selectLogged: StatementSync;
  readonly #updateEpoch: StatementSync;

  constructor(database: DatabaseSync, heads: Heads, limits: Required<StoreLimits>) {
    this.#heads = heads;
    this.#maxEntries = limits.inboxEntries;
    this.#insert = database.prepare(
      "INSERT INTO inboxes (place, stamp, seq, is_gap, tail) VALUES (?1 << 32 | ?2, ?3, ?4, ?5, ?6)",
    );
    this.#trim = database.prepare("DELETE FROM inboxes WHERE place BETWEEN ?1 << 32 AND ?1 << 32 | ?2");
    this.#selectLogged = database.prepare(`
      SELECT place & ${MAX_NUMBER} AS seq, stamp, tail FROM messages
      WHERE place > (?1 << 32 | ?2) AND place < (?1 << 32 | ?3) ORDER BY place LIMIT ${PAGE_ROWS}`);
    this.#updateEpoch = database.prepare("UPDATE users SET epoch = ? WHERE id = ?");
  }

  /** Adds a message to the inbox of each member, after what the inbox misses of that conversation. */
  deliver(members: readonly Member[], message: Logged, delivered: Delivered[]): void {
    const { log, seq, stamp, tail } = message;
    for (const member of members) {
      const mark = this.#heads.mark(member.head, log);
      if (mark.seq >= seq) this.#renew(member.head);
      else if (mark.seq < seq - 1) this.#bring(member, message, mark.seq, delivered);
      this.#append(member, { seq, isGap: false, tail }, delivered);
      this.#heads.setMark(member.head, log, { seq, stamp });
    }
  }

  /** A mark at a number that the log gives out only now: the log was rolled back, and so no cursor into the inbox can be trusted. */
  #renew(head: UserHead): void {
    head.epoch = randomEpoch();
    this.#updateEpoch.run(head.epoch, head.id);
  }

  /** Adds what the log has between `after` and the new message, and one gap entry for what it no longer has. */
  #bring(member: Member, { log, seq }: Logged, after: number, delivered: Delivered[]): void {
    let last = after;
    while (last < seq - 1) {
      const rows = this.#selectLogged.all(log.id, last, seq);
      const [first] = rows;
      const next = first ? numberIn(first, "seq") : seq;
      if (next > last + 1) {
        const tail = encodeTail(gapTail(log.name, next - 1 - last));
        this.#append(member, { seq: next - 1, isGap: true, tail }, delivered);
      }
      last = next - 1;
      for (const row of rows) {
        const bytes = bytesIn(row, "tail");
        last = numberIn(row, "seq");
        const tail = { text: Buffer.from(bytes).toString(), bytes };
        this.#append(member, { seq: last, isGap: false, tail }, delivered);
      }
    }
  }

  #append({ name, head }: Member, entry: Entry, delivered: Delivered[]): void {
    const { seq, isGap, tail } = entry;
    const inbox = head.top + 1;
    if (inbox > MAX_NUMBER)
      throw new RangeError(`Cannot add to the inbox of "${name}": it has used up its numbers`);
    const stamp = randomStamp();
    this.#insert.run(head.id, inbox, stamp, seq, isGap ? 1 : 0, tail.bytes);
    head.top = inbox;
    if (inbox - head.floor > this.#maxEntries) {
      head.floor = inbox - this.#maxEntries;
      this.#trim.run(head.id, head.floor);
    }
    const line = isGap ? gapLine(inbox, stamp, seq, tail.text) : messageLine(inbox, stamp, seq, tail.text);
    delivered.push({ user: name, line: Buffer.from(line) });
  }
}

interface Entry {
  readonly seq: number;
  readonly isGap: boolean;
  readonly tail: Tail;
}
