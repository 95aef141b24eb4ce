import { Buffer } from "node:buffer";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { Budget } from "../budget.ts";
import type { InboxEntry, InboxState, LogEntry, LogPage, ReadLimits, User } from "../contract.ts";
import { gapLine, messageLine, parseTail } from "../line.ts";
import { bytesIn, numberIn, type Row, textIn } from "./row.ts";
import { MAX_NUMBER } from "./schema.ts";

/** Rows in memory at once, so that a limit in bytes is not found out only after all is read. */
const PAGE_ROWS = 64;

/** Reads what a writer has committed. */
export class Reader {
  readonly #selectUser: StatementSync;
  readonly #selectToken: StatementSync;
  readonly #selectState: StatementSync;
  readonly #selectInbox: StatementSync;
  readonly #selectLog: StatementSync;

  constructor(database: DatabaseSync) {
    const numbers = `BETWEEN id << 32 AND id << 32 | ${MAX_NUMBER}`;
    this.#selectUser = database.prepare("SELECT name, password FROM users WHERE name = ?");
    this.#selectToken = database.prepare("SELECT user FROM tokens WHERE hash = ? AND expires_at > ?");
    this.#selectState = database.prepare(`
      SELECT epoch,
        coalesce((SELECT max(place) FROM inboxes WHERE place ${numbers}) & ${MAX_NUMBER}, 0) AS top,
        coalesce(((SELECT min(place) FROM inboxes WHERE place ${numbers}) & ${MAX_NUMBER}) - 1, 0) AS floor
      FROM users WHERE name = ?`);
    this.#selectInbox = database.prepare(`
      SELECT place & ${MAX_NUMBER} AS inbox, stamp, seq, is_gap, tail
      FROM (SELECT id FROM users WHERE name = ?1) CROSS JOIN inboxes
      WHERE place > (id << 32 | ?2) AND place <= (id << 32 | ${MAX_NUMBER}) ORDER BY place LIMIT ?3`);
    this.#selectLog = database.prepare(`
      SELECT place & ${MAX_NUMBER} AS seq, tail
      FROM (SELECT id FROM conversations WHERE name = ?1) CROSS JOIN messages
      WHERE place >= id << 32 AND place < (id << 32 | ?2) ORDER BY place DESC LIMIT ?3`);
  }

  user(name: string): User | undefined {
    const row = this.#selectUser.get(name);
    return row && { name: textIn(row, "name"), password: textIn(row, "password") };
  }

  token(hash: string, now: number): string | undefined {
    const row = this.#selectToken.get(hash, now);
    return row && textIn(row, "user");
  }

  state(user: string): InboxState {
    const row = this.#selectState.get(user);
    if (!row) return { epoch: "", top: 0, floor: 0 };
    return { epoch: textIn(row, "epoch"), top: numberIn(row, "top"), floor: numberIn(row, "floor") };
  }

  inbox(user: string, after: number, limits: ReadLimits): InboxEntry[] {
    const entries: InboxEntry[] = [];
    const budget = new Budget(limits);
    for (const entry of this.#entriesAfter(user, after, budget)) {
      const last = entries.at(-1)?.inbox;
      // What is trimmed between two pages must not become a hole within one answer.
      if (last !== undefined && entry.inbox !== last + 1) break;
      if (!budget.take(entry.line.length)) break;
      entries.push(entry);
    }
    return entries;
  }

  log(conversation: string, before: number | undefined, limits: ReadLimits): LogPage {
    const newestFirst: LogEntry[] = [];
    const budget = new Budget(limits);
    for (const row of this.#logRowsBefore(conversation, before ?? MAX_NUMBER, budget)) {
      const tail = bytesIn(row, "tail");
      if (!budget.take(tail.length)) return { entries: newestFirst.reverse(), more: true };
      newestFirst.push(parseTail(numberIn(row, "seq"), Buffer.from(tail).toString()));
    }
    return { entries: newestFirst.reverse(), more: false };
  }

  *#entriesAfter(user: string, after: number, budget: Budget): Generator<InboxEntry> {
    // A larger number would reach into the next inbox.
    let last = Math.min(after, MAX_NUMBER);
    for (let isMore = true; isMore; ) {
      const pageRows = Math.max(1, Math.min(PAGE_ROWS, budget.count));
      const entries = this.#selectInbox.all(user, last, pageRows).map(toInboxEntry);
      yield* entries;
      last = entries.at(-1)?.inbox ?? last;
      isMore = entries.length === pageRows;
    }
  }

  *#logRowsBefore(conversation: string, before: number, budget: Budget): Generator<Row> {
    let next = Math.min(before, MAX_NUMBER);
    for (let isMore = true; isMore; ) {
      // One more than asked for tells whether there are more.
      const pageRows = Math.min(PAGE_ROWS, budget.count + 1);
      const rows = this.#selectLog.all(conversation, next, pageRows);
      yield* rows;
      const oldest = rows.at(-1);
      if (oldest) next = numberIn(oldest, "seq");
      isMore = rows.length === pageRows;
    }
  }
}

function toInboxEntry(row: Row): InboxEntry {
  const [inbox, stamp, seq] = [numberIn(row, "inbox"), numberIn(row, "stamp"), numberIn(row, "seq")];
  const tail = Buffer.from(bytesIn(row, "tail")).toString();
  const line = numberIn(row, "is_gap")
    ? gapLine(inbox, stamp, seq, tail)
    : messageLine(inbox, stamp, seq, tail);
  return { inbox, stamp, line: Buffer.from(line) };
}
