import { Buffer } from "node:buffer";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { InboxFinding, InboxPlace, InboxState, User } from "../account.ts";
import { Budget } from "../budget.ts";
import type { InboxEntry, ReadLimits } from "../contract.ts";
import { gapLine, messageLine } from "../line.ts";
import { FORGOTTEN, NO_INBOX } from "./devices.ts";
import { bytesIn, encodeJson, numberIn, type Row, textIn } from "./row.ts";
import { MAX_NUMBER } from "./schema.ts";

/** Rows in memory at once, so that a limit in bytes is not found out only after all is read. */
const PAGE_ROWS = 64;

/** Reads users, tokens and inboxes as a writer has committed them. */
export class Reader {
  readonly #selectUser: StatementSync;
  readonly #selectToken: StatementSync;
  readonly #selectState: StatementSync;
  readonly #selectFinding: StatementSync;
  readonly #selectInbox: StatementSync;

  constructor(database: DatabaseSync) {
    const numbers = `BETWEEN id << 32 AND id << 32 | ${MAX_NUMBER}`;
    const state = `epoch, coalesce(top & ${MAX_NUMBER}, 0) AS top,
      coalesce((SELECT stamp FROM inboxes WHERE place = top), 0) AS stamp,
      coalesce(((SELECT min(place) FROM inboxes WHERE place ${numbers}) & ${MAX_NUMBER}) - 1, 0) AS floor`;
    const user = `(SELECT id, epoch, (SELECT max(place) FROM inboxes WHERE place ${numbers}) AS top
      FROM users WHERE name = ?1)`;
    this.#selectUser = database.prepare("SELECT name, password FROM users WHERE name = ?");
    this.#selectToken = database.prepare("SELECT user FROM tokens WHERE hash = ? AND expires_at > ?");
    this.#selectState = database.prepare(`SELECT ${state} FROM ${user}`);
    // All of it with one statement: between two, the writer may trim the inbox, and that would look like a rollback.
    this.#selectFinding = database.prepare(`
      SELECT ${state},
        coalesce(
          (SELECT generation FROM devices WHERE user = id AND device = ?2),
          (SELECT generation FROM devices WHERE user = id AND device = ?4),
          0) AS generation,
        coalesce((SELECT stamp FROM inboxes WHERE place = (id << 32 | min(?3, ${MAX_NUMBER}))), -1) AS found
      FROM ${user}`);
    this.#selectInbox = database.prepare(`
      SELECT place & ${MAX_NUMBER} AS inbox, stamp, seq, is_gap, tail
      FROM (SELECT id FROM users WHERE name = ?1) CROSS JOIN inboxes
      WHERE place > (id << 32 | ?2) AND place <= (id << 32 | ${MAX_NUMBER}) ORDER BY place LIMIT ?3`);
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
    return row ? toState(row) : NO_INBOX;
  }

  /** What is found at a place; the writer has the last word on whether it was rolled back. */
  finding({ user, device, epoch, inbox, stamp }: InboxPlace): InboxFinding {
    const row = this.#selectFinding.get(user, encodeJson(device), inbox, FORGOTTEN);
    if (!row) return { ...NO_INBOX, generation: 0, isRolledBack: epoch !== "" };
    const state = toState(row);
    const isLost = inbox > state.top || (inbox > state.floor && numberIn(row, "found") !== stamp);
    return {
      ...state,
      generation: numberIn(row, "generation"),
      isRolledBack: epoch !== state.epoch || isLost,
    };
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
}

function toState(row: Row): InboxState {
  return {
    epoch: textIn(row, "epoch"),
    top: numberIn(row, "top"),
    stamp: numberIn(row, "stamp"),
    floor: numberIn(row, "floor"),
  };
}

function toInboxEntry(row: Row): InboxEntry {
  const [inbox, stamp, seq] = [numberIn(row, "inbox"), numberIn(row, "stamp"), numberIn(row, "seq")];
  const tail = Buffer.from(bytesIn(row, "tail")).toString();
  const line = numberIn(row, "is_gap")
    ? gapLine(inbox, stamp, seq, tail)
    : messageLine(inbox, stamp, seq, tail);
  return { inbox, stamp, line: Buffer.from(line) };
}
