import { Buffer } from "node:buffer";
import type { RedisClient, RedisConnection } from "../../../redis/mod.ts";
import { Budget } from "../budget.ts";
import type { InboxEntry, InboxState, LogEntry, LogPage, ReadLimits, User } from "../contract.ts";
import { gapLine, messageLine, parseTail } from "../line.ts";
import { toStoreError } from "./error.ts";
import type { Keys } from "./keys.ts";

/** Entries in one reply, so that a limit in bytes is not found out only after all is read. */
const PAGE_ENTRIES = 64;

interface StreamEntry {
  readonly id: string;
  readonly message: Readonly<Record<string, string>>;
}

/** Reads what scripts have written. */
export class Reader {
  readonly #connection: RedisConnection;
  readonly #keys: Keys;

  /** @param connection Not the one for writing: a read must not wait behind a batch. */
  constructor(connection: RedisConnection, keys: Keys) {
    this.#connection = connection;
    this.#keys = keys;
  }

  user(name: string): Promise<User | undefined> {
    return this.#read(async () => {
      const key = this.#keys.user(name);
      const password = await this.#connection.ask("find a user", (client) => client.hGet(key, "password"));
      return typeof password === "string" ? { name, password } : undefined;
    });
  }

  token(hash: string, now: number): Promise<string | undefined> {
    return this.#read(async () => {
      const token = await this.#connection.ask("find a token", (client) =>
        client.get(this.#keys.token(hash)),
      );
      const [expiresAt = "", removals = "", user = ""] = token?.split(" ") ?? [];
      if (!(Number(expiresAt) > now)) return undefined;
      const key = this.#keys.user(user);
      const removed = await this.#connection.ask("find a user", (client) => client.hGet(key, "removals"));
      return (removed ?? "0") === removals ? user : undefined;
    });
  }

  state(user: string): Promise<InboxState> {
    return this.#read(async () => {
      const fields = ["epoch", "top", "floor"];
      const key = this.#keys.mark(user);
      const values = await this.#connection.ask("read an inbox", (client) => client.hmGet(key, fields));
      const [epoch, top, floor] = values;
      return { epoch: epoch ?? "", top: Number(top ?? 0), floor: Number(floor ?? 0) };
    });
  }

  inbox(user: string, after: number, limits: ReadLimits): Promise<readonly InboxEntry[]> {
    return this.#read(async () => {
      const entries: InboxEntry[] = [];
      const budget = new Budget(limits);
      for await (const { id, message } of this.#inboxEntries(user, after, budget)) {
        const entry = toInboxEntry(numberOf(id), message);
        const last = entries.at(-1)?.inbox;
        // What is trimmed between two pages must not become a hole within one answer.
        if (last !== undefined && entry.inbox !== last + 1) break;
        if (!budget.take(entry.line.length)) break;
        entries.push(entry);
      }
      return entries;
    });
  }

  log(conversation: string, before: number | undefined, limits: ReadLimits): Promise<LogPage> {
    return this.#read(async () => {
      const newestFirst: LogEntry[] = [];
      const budget = new Budget(limits);
      for await (const { id, message } of this.#logEntries(conversation, before, budget)) {
        const tail = message.b ?? "";
        if (!budget.take(Buffer.byteLength(tail))) return { entries: newestFirst.reverse(), more: true };
        newestFirst.push(parseTail(numberOf(id), tail));
      }
      return { entries: newestFirst.reverse(), more: false };
    });
  }

  async *#inboxEntries(user: string, after: number, budget: Budget): AsyncGenerator<StreamEntry> {
    const key = this.#keys.inbox(user);
    let start = `(${Math.min(after, Number.MAX_SAFE_INTEGER)}-0`;
    for (let isMore = true; isMore; ) {
      const limit = { COUNT: Math.max(1, Math.min(PAGE_ENTRIES, budget.count)) };
      const page = await this.#page((client) => client.xRange(key, start, "+", limit));
      yield* page;
      start = `(${page.at(-1)?.id}`;
      isMore = page.length === limit.COUNT;
    }
  }

  async *#logEntries(log: string, before: number | undefined, budget: Budget): AsyncGenerator<StreamEntry> {
    const key = this.#keys.log(log);
    let end = before === undefined ? "+" : `(${Math.min(before, Number.MAX_SAFE_INTEGER)}-0`;
    for (let isMore = true; isMore; ) {
      // One more than asked for tells whether there are more.
      const limit = { COUNT: Math.min(PAGE_ENTRIES, budget.count + 1) };
      const page = await this.#page((client) => client.xRevRange(key, end, "-", limit));
      yield* page;
      end = `(${page.at(-1)?.id}`;
      isMore = page.length === limit.COUNT;
    }
  }

  async #page(
    work: (client: RedisClient) => Promise<readonly StreamEntry[] | null>,
  ): Promise<readonly StreamEntry[]> {
    return (await this.#connection.ask("read a stream", work)) ?? [];
  }

  async #read<T>(body: () => Promise<T>): Promise<T> {
    try {
      return await body();
    } catch (cause) {
      throw toStoreError(cause, "read from the store");
    }
  }
}

function numberOf(id: string): number {
  return Number.parseInt(id, 10);
}

function toInboxEntry(inbox: number, fields: Readonly<Record<string, string>>): InboxEntry {
  const { s: stamp = "0", q: seq = "0", b: tail = "" } = fields;
  const toLine = fields.g === undefined ? messageLine : gapLine;
  const line = toLine(inbox, Number(stamp), Number(seq), tail);
  return { inbox, stamp: Number(stamp), line: Buffer.from(line) };
}
