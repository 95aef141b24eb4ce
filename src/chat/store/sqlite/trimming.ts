import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { StoreLimits } from "../limits.ts";
import type { Heads, UserHead } from "./heads.ts";
import { numberIn } from "./row.ts";
import { MAX_NUMBER } from "./schema.ts";

/** Neighboring entries whose bytes are summed up together; what is acknowledged is removed in steps of as many. */
const CHUNK = 256;
/** Entries that a batch removes which adds few, at most: those of a group acknowledge at the same moment, and nobody is served meanwhile. */
const MIN_TRIMMED = 1024;
/** How many more a batch removes than it adds, at most: enough to come to an end. */
const TRIMMED_FOR_ADDED = 2;
/** Inboxes that wait to be trimmed at most; others come again with their next acknowledgement. */
const MAX_DUE = 100_000;
/** What an entry takes beside its tail, about, in bytes. */
const ENTRY_BYTES = 64;

/** Whose inbox lost its entries up to which one. */
export type Trimmed = readonly [name: string, floor: number];

/**
 * Drops the oldest entries of inboxes; never the newest one, which says where the inbox stands.
 *
 * What is too much goes at once, what is acknowledged by and by.
 */
export class Trimming {
  readonly #heads: Heads;
  readonly #maxEntries: number;
  readonly #maxBytes: number;
  readonly #deviceMs: number;
  readonly #trim: StatementSync;
  readonly #sumUp: StatementSync;
  readonly #selectBytes: StatementSync;
  readonly #insertSum: StatementSync;
  readonly #removeSums: StatementSync;
  readonly #selectSums: StatementSync;
  readonly #selectAcked: StatementSync;
  /** Whose inboxes have acknowledged entries to drop, by name. */
  readonly #due = new Set<string>();

  constructor(database: DatabaseSync, heads: Heads, limits: Required<StoreLimits>) {
    this.#heads = heads;
    this.#maxEntries = limits.inboxEntries;
    this.#maxBytes = limits.inboxBytes;
    this.#deviceMs = limits.deviceMs;
    this.#trim = database.prepare("DELETE FROM inboxes WHERE place BETWEEN ?1 << 32 AND ?1 << 32 | ?2");
    this.#sumUp = database.prepare(`
      INSERT OR REPLACE INTO inbox_bytes (chunk, bytes)
      SELECT place >> 8, sum(length(tail) + ${ENTRY_BYTES}) FROM inboxes
      WHERE place BETWEEN ?1 << 32 | ?2 AND ?1 << 32 | ?3 GROUP BY place >> 8`);
    this.#selectBytes = database.prepare(`
      SELECT coalesce(sum(length(tail) + ${ENTRY_BYTES}), 0) AS bytes FROM inboxes
      WHERE place BETWEEN ?1 << 32 | ?2 AND ?1 << 32 | ?3`);
    this.#insertSum = database.prepare(
      "INSERT OR REPLACE INTO inbox_bytes (chunk, bytes) VALUES ((?1 << 32 | ?2) >> 8, ?3)",
    );
    this.#removeSums = database.prepare(
      "DELETE FROM inbox_bytes WHERE chunk >= ?1 << 24 AND chunk < (?1 << 32 | ?2) >> 8",
    );
    this.#selectSums = database.prepare(`
      SELECT (chunk << 8) & ${MAX_NUMBER} AS first, bytes FROM inbox_bytes
      WHERE chunk BETWEEN ?1 << 24 AND ?1 << 24 | ${MAX_NUMBER >>> 8} ORDER BY chunk DESC`);
    this.#selectAcked = database.prepare(`
      SELECT min(acked) AS acked FROM devices
      WHERE user = ?1 AND used_at > (SELECT max(used_at) FROM devices WHERE user = ?1) - ?2`);
  }

  /**
   * After an entry was added: drops what is too much.
   *
   * @param length Bytes of its tail.
   */
  appended(head: UserHead, length: number): void {
    if (head.top % CHUNK === 0) head.chunkBytes = 0;
    if (head.chunkBytes !== undefined) head.chunkBytes += length + ENTRY_BYTES;
    if (head.top - head.floor > this.#maxEntries) this.#trimTo(head, head.top - this.#maxEntries);
    if (head.top % CHUNK === CHUNK - 1) this.#weigh(head);
  }

  /** After an acknowledgement: {@linkcode trim} will see what can be dropped. */
  acked(head: UserHead): void {
    if (head.top - head.floor > CHUNK && this.#due.size < MAX_DUE) this.#due.add(head.name);
  }

  /**
   * Drops some of what all devices in use have acknowledged. They are compared with the one used last.
   *
   * @param added Entries that this batch has added.
   */
  trim(added: number): readonly Trimmed[] {
    const trimmed: Trimmed[] = [];
    let left = Math.max(MIN_TRIMMED, TRIMMED_FOR_ADDED * added);
    for (const name of this.#due) {
      if (left <= 0) return trimmed;
      const head = this.#heads.user(name);
      const floor = head ? this.#ackedFloor(head) : 0;
      if (head && floor - head.floor >= CHUNK) {
        const reached = Math.min(floor, head.floor + left);
        left -= reached - head.floor;
        this.#trimTo(head, reached);
        trimmed.push([name, reached]);
        if (reached < floor) return trimmed;
      }
      this.#due.delete(name);
    }
    return trimmed;
  }

  /** Drops what {@linkcode trim} has dropped from an inbox before. */
  trimAgain([name, floor]: Trimmed): void {
    const head = this.#heads.user(name);
    if (head && floor > head.floor) this.#trimTo(head, floor);
  }

  /** How far an inbox is acknowledged. The last one acknowledged stays, so that a cursor that stands there can be compared with it. */
  #ackedFloor(head: UserHead): number {
    const row = this.#selectAcked.get(head.id, this.#deviceMs);
    return row ? numberIn(row, "acked") - 1 : 0;
  }

  /** Sums up the chunk that has just become full, and drops the oldest chunks while all of them are too much. */
  #weigh(head: UserHead): void {
    const first = head.top - CHUNK + 1;
    this.#removeSums.run(head.id, head.floor + 1);
    if (head.chunkBytes !== undefined && head.floor < first)
      this.#insertSum.run(head.id, head.top, head.chunkBytes);
    else this.#sumUp.run(head.id, Math.max(head.floor, first), head.top);
    let bytes = 0;
    for (const row of this.#selectSums.all(head.id)) {
      const last = numberIn(row, "first") + CHUNK - 1;
      const sum = numberIn(row, "bytes");
      if (bytes + sum > this.#maxBytes && bytes + this.#bytesLeft(head, last, sum) > this.#maxBytes) {
        this.#trimTo(head, Math.min(last, head.top - 1));
        return;
      }
      bytes += sum;
    }
  }

  /** What is left of a chunk that had `sum` bytes: the oldest may have lost entries since. */
  #bytesLeft(head: UserHead, last: number, sum: number): number {
    if (head.floor <= last - CHUNK) return sum;
    const row = this.#selectBytes.get(head.id, head.floor + 1, last);
    return row ? numberIn(row, "bytes") : sum;
  }

  #trimTo(head: UserHead, floor: number): void {
    this.#trim.run(head.id, floor);
    head.floor = floor;
  }
}
