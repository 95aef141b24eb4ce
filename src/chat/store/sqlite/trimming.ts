import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { StoreLimits } from "../limits.ts";
import type { UserHead } from "./heads.ts";
import { numberIn } from "./row.ts";
import { MAX_NUMBER } from "./schema.ts";

/** Neighboring entries whose bytes are summed up together; what is acknowledged is removed in steps of as many. */
const CHUNK = 256;
/** Entries that one acknowledgement removes at most. */
const MAX_TRIMMED = 1024;
/** What an entry takes beside its tail, about, in bytes. */
const ENTRY_BYTES = 64;

/** Drops the oldest entries of inboxes; never the newest one, which says where the inbox stands. */
export class Trimming {
  readonly #maxEntries: number;
  readonly #maxBytes: number;
  readonly #deviceMs: number;
  readonly #trim: StatementSync;
  readonly #sumUp: StatementSync;
  readonly #removeSums: StatementSync;
  readonly #selectSums: StatementSync;
  readonly #selectAcked: StatementSync;

  constructor(database: DatabaseSync, limits: Required<StoreLimits>) {
    this.#maxEntries = limits.inboxEntries;
    this.#maxBytes = limits.inboxBytes;
    this.#deviceMs = limits.deviceMs;
    this.#trim = database.prepare("DELETE FROM inboxes WHERE place BETWEEN ?1 << 32 AND ?1 << 32 | ?2");
    this.#sumUp = database.prepare(`
      INSERT OR REPLACE INTO inbox_bytes (chunk, bytes)
      SELECT place >> 8, sum(length(tail) + ${ENTRY_BYTES}) FROM inboxes
      WHERE place BETWEEN ?1 << 32 | ?2 AND ?1 << 32 | ?3 GROUP BY place >> 8`);
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

  /** After an entry was added: drops what is too much. */
  appended(head: UserHead): void {
    if (head.top - head.floor > this.#maxEntries) this.#trimTo(head, head.top - this.#maxEntries);
    if (head.top % CHUNK === CHUNK - 1) this.#weigh(head);
  }

  /** After an acknowledgement: drops some of what all devices in use have acknowledged. They are compared with the one used last. */
  acked(head: UserHead): void {
    if (head.top - head.floor <= CHUNK) return;
    const row = this.#selectAcked.get(head.id, this.#deviceMs);
    // The last one acknowledged stays, so that a cursor that stands there can be compared with it.
    const floor = row ? numberIn(row, "acked") - 1 : 0;
    if (floor - head.floor >= CHUNK) this.#trimTo(head, Math.min(floor, head.floor + MAX_TRIMMED));
  }

  /** Sums up the chunk that has just become full, and drops the oldest chunks while all of them are too much. */
  #weigh(head: UserHead): void {
    this.#removeSums.run(head.id, head.floor + 1);
    this.#sumUp.run(head.id, Math.max(head.floor, head.top - CHUNK + 1), head.top);
    let bytes = 0;
    for (const row of this.#selectSums.all(head.id)) {
      bytes += numberIn(row, "bytes");
      if (bytes <= this.#maxBytes) continue;
      this.#trimTo(head, Math.min(numberIn(row, "first") + CHUNK - 1, head.top - 1));
      return;
    }
  }

  #trimTo(head: UserHead, floor: number): void {
    this.#trim.run(head.id, floor);
    head.floor = floor;
  }
}
