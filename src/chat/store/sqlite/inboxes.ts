import { Buffer } from "node:buffer";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { bufferOf } from "../../../wire/mod.ts";
import { gapLine, gapTail, messageLine } from "../line.ts";
import type { Heads, LogHead, UserHead } from "./heads.ts";
import { bytesIn, numberIn } from "./row.ts";
import { MAX_NUMBER } from "./schema.ts";
import type { Stamps } from "./stamps.ts";
import type { Trimming } from "./trimming.ts";

/** A new inbox entry. */
export interface Delivered {
  readonly user: string;
  readonly line: Uint8Array;
}

/** A message that its log has just taken. */
export interface Logged {
  readonly log: LogHead;
  readonly seq: number;
  readonly from: string;
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
  readonly #stamps: Stamps;
  readonly #heads: Heads;
  readonly #trimming: Trimming;
  readonly #insert: StatementSync;
  readonly #selectLogged: StatementSync;

  constructor(database: DatabaseSync, heads: Heads, trimming: Trimming, stamps: Stamps) {
    this.#stamps = stamps;
    this.#heads = heads;
    this.#trimming = trimming;
    this.#insert = database.prepare(
      "INSERT INTO inboxes (place, stamp, seq, is_gap, tail) VALUES (?1 << 32 | ?2, ?3, ?4, ?5, ?6)",
    );
    this.#selectLogged = database.prepare(`
      SELECT place & ${MAX_NUMBER} AS seq, tail FROM messages
      WHERE place > (?1 << 32 | ?2) AND place < (?1 << 32 | ?3) ORDER BY place LIMIT ${PAGE_ROWS}`);
  }

  /** Adds a message to the inbox of each member, after what the inbox misses of that conversation. For its sender it counts as read. */
  deliver(members: Iterable<UserHead>, message: Logged, delivered: Delivered[]): void {
    const { log, seq, from, tail } = message;
    for (const head of members) {
      const mark = this.#heads.mark(head, log);
      // A mark at a number that the log gives out only now: the log was rolled back.
      if (mark.seq >= seq) this.#heads.renew(head);
      else if (mark.seq < seq - 1) this.#bring(head, message, mark.seq, delivered);
      this.#append(head, { seq, isGap: false, tail }, delivered);
      this.#heads.setMark(head, log, {
        seq,
        read: head.name === from ? seq : Math.min(mark.read, seq - 1),
        delivered: Math.min(mark.delivered, seq - 1),
      });
    }
  }

  /** Adds what the log has between `after` and the new message, and one gap entry for what it no longer has. */
  #bring(head: UserHead, { log, seq }: Logged, after: number, delivered: Delivered[]): void {
    let last = after;
    while (last < seq - 1) {
      const rows = this.#selectLogged.all(log.id, last, seq);
      const [first] = rows;
      const next = first ? numberIn(first, "seq") : seq;
      if (next > last + 1) {
        const tail = encodeTail(gapTail(log.name, next - 1 - last));
        this.#append(head, { seq: next - 1, isGap: true, tail }, delivered);
      }
      last = next - 1;
      for (const row of rows) {
        const bytes = bytesIn(row, "tail");
        last = numberIn(row, "seq");
        const tail = { text: bufferOf(bytes).toString(), bytes };
        this.#append(head, { seq: last, isGap: false, tail }, delivered);
      }
    }
  }

  #append(head: UserHead, { seq, isGap, tail }: Entry, delivered: Delivered[]): void {
    const inbox = head.top + 1;
    if (inbox > MAX_NUMBER)
      throw new RangeError(`Cannot add to the inbox of "${head.name}": it has used up its numbers`);
    const stamp = this.#stamps.stamp();
    this.#insert.run(head.id, inbox, stamp, seq, isGap ? 1 : 0, tail.bytes);
    head.top = inbox;
    head.stamp = stamp;
    this.#trimming.appended(head, tail.bytes.length);
    const line = isGap ? gapLine(inbox, stamp, seq, tail.text) : messageLine(inbox, stamp, seq, tail.text);
    delivered.push({ user: head.name, line: Buffer.from(line) });
  }
}

interface Entry {
  readonly seq: number;
  readonly isGap: boolean;
  readonly tail: Tail;
}
