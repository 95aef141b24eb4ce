import { Buffer } from "node:buffer";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { bytesIn, numberIn, type Row } from "./row.ts";
import { MAX_NUMBER } from "./schema.ts";

/** Logs that one sweep looks at. */
const SWEEP_LOGS = 64;
/** Messages of one log that one sweep removes at most. */
const SWEEP_ROWS = 64;
/** Bytes of a tail's end that hold its time. */
const END_BYTES = 32;

/** Drops messages that are too old from their logs. Each sweep looks at the next few logs, so that sends need no index by time. */
export class LogSweep {
  readonly #logMs: number;
  readonly #selectLogs: StatementSync;
  readonly #selectOldest: StatementSync;
  readonly #keepTop: StatementSync;
  readonly #trim: StatementSync;
  #sweptTo = 0;

  /** @param logMs For how long a message is kept, in milliseconds. */
  constructor(database: DatabaseSync, logMs: number) {
    this.#logMs = logMs;
    this.#selectLogs = database.prepare(
      `SELECT id FROM conversations WHERE id > ? ORDER BY id LIMIT ${SWEEP_LOGS}`,
    );
    this.#selectOldest = database.prepare(`
      SELECT place & ${MAX_NUMBER} AS seq, substr(tail, -${END_BYTES}) AS end FROM messages
      WHERE place BETWEEN ?1 << 32 AND ?1 << 32 | ${MAX_NUMBER} ORDER BY place LIMIT ${SWEEP_ROWS}`);
    this.#keepTop = database.prepare(`
      UPDATE conversations SET top = (SELECT max(place) FROM messages
        WHERE place BETWEEN ?1 << 32 AND ?1 << 32 | ${MAX_NUMBER}) & ${MAX_NUMBER}
      WHERE id = ?1`);
    this.#trim = database.prepare("DELETE FROM messages WHERE place BETWEEN ?1 << 32 AND ?1 << 32 | ?2");
  }

  /** @param now Wall time in milliseconds. */
  sweep(now: number): void {
    const logs = this.#selectLogs.all(this.#sweptTo);
    for (const row of logs) {
      this.#sweptTo = numberIn(row, "id");
      this.#sweepLog(this.#sweptTo, now - this.#logMs);
    }
    if (logs.length < SWEEP_LOGS) this.#sweptTo = 0;
  }

  #sweepLog(id: number, before: number): void {
    const oldest = this.#selectOldest.all(id);
    const firstKept = oldest.findIndex((row) => timeOf(row) > before);
    const last = oldest.at(firstKept === -1 ? -1 : firstKept - 1);
    if (firstKept === 0 || !last) return;
    this.#keepTop.run(id);
    this.#trim.run(id, numberIn(last, "seq"));
  }
}

/** When a message was sent, read off the end of its tail without parsing the whole of it. */
function timeOf(row: Row): number {
  const end = Buffer.from(bytesIn(row, "end")).toString("latin1");
  return Number(/"at":(\d+)\}$/.exec(end)?.[1] ?? Number.POSITIVE_INFINITY);
}
