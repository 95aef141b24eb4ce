import type { DatabaseSync, StatementSync } from "node:sqlite";
import { bufferOf } from "../../../wire/mod.ts";
import { Budget } from "../budget.ts";
import {
  type ConversationEntry,
  type LogEntry,
  type LogPage,
  MAX_UNREAD,
  type ReadLimits,
  type Receipt,
  type Unread,
} from "../contract.ts";
import type { Page } from "../group.ts";
import { parseTail } from "../line.ts";
import { bytesIn, numberIn, type Row, textIn } from "./row.ts";
import { MAX_NUMBER } from "./schema.ts";

/** Rows in memory at once, so that a limit in bytes is not found out only after all is read. */
const PAGE_ROWS = 64;

const NO_MESSAGES: LogPage = { entries: [], more: false };

/** Reads logs, and how far users have got and read them, as a writer has committed them. */
export class LogReader {
  readonly #selectId: StatementSync;
  readonly #selectGroup: StatementSync;
  readonly #selectMessages: StatementSync;
  readonly #selectMark: StatementSync;
  readonly #selectUnread: StatementSync;
  readonly #selectConversations: StatementSync;

  constructor(database: DatabaseSync) {
    this.#selectId = database.prepare("SELECT id FROM conversations WHERE name = ?");
    this.#selectGroup = database.prepare(`
      SELECT conversation AS id, coalesce((SELECT joined FROM members
          WHERE members.conversation = groups.conversation
            AND user = (SELECT id FROM users WHERE name = ?2)), -1) AS joined
      FROM groups WHERE conversation = (SELECT id FROM conversations WHERE name = ?1)`);
    this.#selectMessages = database.prepare(`
      SELECT place & ${MAX_NUMBER} AS seq, tail FROM messages
      WHERE place > (?1 << 32 | ?2) AND place < (?1 << 32 | ?3) ORDER BY place DESC LIMIT ?4`);
    this.#selectMark = database.prepare(`
      SELECT read, delivered FROM marks WHERE user = (SELECT id FROM users WHERE name = ?1)
        AND conversation = (SELECT id FROM conversations WHERE name = ?2)`);
    this.#selectUnread = database.prepare(`
      SELECT name, seq - read AS count FROM marks JOIN conversations ON conversations.id = conversation
      WHERE user = (SELECT id FROM users WHERE name = ?) AND read < seq LIMIT ${MAX_UNREAD}`);
    this.#selectConversations = database.prepare(`
      SELECT name, seq, read FROM marks JOIN conversations ON conversations.id = conversation
      WHERE user = (SELECT id FROM users WHERE name = ?1) AND name > ?2 AND (seq > 0 OR name LIKE '#%')
      ORDER BY name LIMIT ?3`);
  }

  log(
    user: string,
    conversation: string,
    before: number | undefined,
    limits: ReadLimits,
  ): LogPage | "unknown_group" | "not_member" {
    if (conversation.startsWith("#")) {
      const row = this.#selectGroup.get(conversation, user);
      if (!row) return "unknown_group";
      const joined = numberIn(row, "joined");
      return joined < 0 ? "not_member" : this.#page(numberIn(row, "id"), joined, before, limits);
    }
    if (!conversation.split(":").includes(user)) return "not_member";
    const row = this.#selectId.get(conversation);
    return row ? this.#page(numberIn(row, "id"), 0, before, limits) : NO_MESSAGES;
  }

  receipts(conversation: string): Receipt[] {
    if (conversation.startsWith("#")) return [];
    return [...new Set(conversation.split(":"))].map((name) => {
      const row = this.#selectMark.get(name, conversation);
      return {
        name,
        delivered: row ? numberIn(row, "delivered") : 0,
        read: row ? numberIn(row, "read") : 0,
      };
    });
  }

  unread(user: string): Unread[] {
    return this.#selectUnread
      .all(user)
      .map((row) => ({ conversation: textIn(row, "name"), count: numberIn(row, "count") }));
  }

  conversations(user: string, after: string, limit: number): Page<ConversationEntry> {
    // Who leaves a group has no mark of it any more.
    const entries = this.#selectConversations.all(user, after, limit + 1).map((row) => ({
      conversation: textIn(row, "name"),
      seq: numberIn(row, "seq"),
      read: numberIn(row, "read"),
    }));
    return { entries: entries.slice(0, limit), more: entries.length > limit };
  }

  /** The newest messages between `after` and `before`. */
  #page(id: number, after: number, before: number | undefined, limits: ReadLimits): LogPage {
    const newestFirst: LogEntry[] = [];
    const budget = new Budget(limits);
    for (const row of this.#rowsBefore(id, after, before ?? MAX_NUMBER, budget)) {
      const tail = bytesIn(row, "tail");
      if (!budget.take(tail.length)) return { entries: newestFirst.reverse(), more: true };
      newestFirst.push(parseTail(numberIn(row, "seq"), bufferOf(tail).toString()));
    }
    return { entries: newestFirst.reverse(), more: false };
  }

  *#rowsBefore(id: number, after: number, before: number, budget: Budget): Generator<Row> {
    let next = Math.min(before, MAX_NUMBER);
    for (let isMore = true; isMore; ) {
      // One more than asked for tells whether there are more.
      const pageRows = Math.min(PAGE_ROWS, budget.count + 1);
      const rows = this.#selectMessages.all(id, after, next, pageRows);
      yield* rows;
      const oldest = rows.at(-1);
      if (oldest) next = numberIn(oldest, "seq");
      isMore = rows.length === pageRows;
    }
  }
}
