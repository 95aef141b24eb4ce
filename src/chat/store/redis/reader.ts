import { Buffer } from "node:buffer";
import { Budget } from "../budget.ts";
import type { InboxEntry, LogEntry, LogPage, ReadLimits } from "../contract.ts";
import { parseTail } from "../line.ts";
import type { RedisStoreContext } from "./context.ts";
import { toStoreError } from "./error.ts";
import { toList, toText, toTexts } from "./reply.ts";

/** Entries in one reply, so that a limit in bytes is not found out only after all is read. */
const PAGE_ENTRIES = 64;

interface StreamEntry {
  readonly number: number;
  readonly kind: string;
  readonly value: string;
}

/** Reads what scripts have written. */
export class Reader {
  readonly #context: RedisStoreContext;

  constructor(context: RedisStoreContext) {
    this.#context = context;
  }

  /** See `MessageStore.readInbox`. */
  async inbox(user: string, after: number, limits: ReadLimits): Promise<readonly InboxEntry[]> {
    try {
      const entries: InboxEntry[] = [];
      const budget = new Budget(limits);
      let last: StreamEntry = { number: after, kind: "", value: "" };
      for await (const entry of this.#inboxEntries(user, after, budget)) {
        // Neither a hole nor another history must begin within one answer.
        if (entries.length > 0 && !follows(entry, last)) break;
        if (entry.number > last.number) {
          const found = toInboxEntry(entry, last);
          if (!budget.take(found.line.length)) break;
          entries.push(found);
        }
        last = entry;
      }
      return entries;
    } catch (cause) {
      throw toStoreError(cause, "read an inbox");
    }
  }

  /** See `MessageStore.readLog`. */
  async log(
    user: string,
    conversation: string,
    before: number | undefined,
    limits: ReadLimits,
  ): Promise<LogPage | "unknown_group" | "not_member"> {
    try {
      const joined = await this.#joined(user, conversation);
      if (typeof joined === "string") return joined;
      const newestFirst: LogEntry[] = [];
      const budget = new Budget(limits);
      for await (const { number, value } of this.#logEntries(conversation, joined, before, budget)) {
        const tail = tailOf(value);
        if (!budget.take(Buffer.byteLength(tail))) return { entries: newestFirst.reverse(), more: true };
        newestFirst.push(parseTail(number, tail));
      }
      return { entries: newestFirst.reverse(), more: false };
    } catch (cause) {
      throw toStoreError(cause, "read a log");
    }
  }

  /** After which number a user sees a conversation. */
  async #joined(user: string, conversation: string): Promise<number | "unknown_group" | "not_member"> {
    if (!conversation.startsWith("#")) return conversation.split(":").includes(user) ? 0 : "not_member";
    const { reads, keys, deadlineMs } = this.#context;
    const [conv, members] = [keys.conv(conversation), keys.members(conversation)];
    const [mode, place] = toTexts(
      await Promise.all([
        reads.command(conv, ["HGET", conv, "mode"], { deadlineMs }),
        reads.command(members, ["HGET", members, user], { deadlineMs }),
      ]),
    );
    if (mode === "" || mode === undefined) return "unknown_group";
    return place === "" || place === undefined ? "not_member" : Number.parseInt(place, 10);
  }

  /** Each page begins with the entry before it, unless that is no longer kept. */
  async *#inboxEntries(user: string, after: number, budget: Budget): AsyncGenerator<StreamEntry> {
    const key = this.#context.keys.inbox(user);
    let start = after;
    for (let isMore = true; isMore; ) {
      const count = Math.max(1, Math.min(PAGE_ENTRIES, budget.count)) + 1;
      const page = await this.#page(["XRANGE", key, idOf(start), "+", "COUNT", `${count}`]);
      yield* page;
      start = page.at(-1)?.number ?? start;
      isMore = page.length === count;
    }
  }

  async *#logEntries(
    conversation: string,
    joined: number,
    before: number | undefined,
    budget: Budget,
  ): AsyncGenerator<StreamEntry> {
    // An interval before the first number is none that Redis takes.
    if (before !== undefined && before <= joined + 1) return;
    const key = this.#context.keys.log(conversation);
    const start = `(${idOf(joined)}`;
    let end = before === undefined ? "+" : `(${idOf(before)}`;
    for (let isMore = true; isMore; ) {
      // One more than asked for tells whether there are more.
      const count = Math.min(PAGE_ENTRIES, budget.count + 1);
      const page = await this.#page(["XREVRANGE", key, end, start, "COUNT", `${count}`]);
      yield* page;
      end = `(${idOf(page.at(-1)?.number ?? 0)}`;
      isMore = page.length === count;
    }
  }

  /** @param command With the stream's key as its second word. */
  async #page(command: readonly string[]): Promise<readonly StreamEntry[]> {
    const { reads, deadlineMs } = this.#context;
    const reply = await reads.command(command[1] ?? "", command, { deadlineMs });
    return toList(reply ?? []).map((entry) => {
      const [id, fields] = toList(entry);
      const [kind = "", value = ""] = toTexts(fields);
      return { number: Number.parseInt(toText(id), 10), kind, value };
    });
  }
}

function idOf(number: number): string {
  return `${Math.min(number, Number.MAX_SAFE_INTEGER)}-0`;
}

/** Whether an entry comes behind the last one, or is the same, with which a page begins. */
function follows({ number, value }: StreamEntry, last: StreamEntry): boolean {
  return number === last.number ? value === last.value : number === last.number + 1;
}

/** @param last The entry before it; without a value where that is not known. */
function toInboxEntry({ number, kind, value }: StreamEntry, last: StreamEntry): InboxEntry {
  const type = kind === "g" ? "gap" : "message";
  const line = Buffer.from(`{"type":"${type}","inbox":${number},${value}\n`);
  const isNext = last.number === number - 1 && last.value !== "";
  return { inbox: number, stamp: stampOf(value), line, ...(isNext && { before: stampOf(last.value) }) };
}

/** It comes first. */
function stampOf(value: string): number {
  return Number.parseInt(value.slice('"stamp":'.length), 10);
}

/** What comes after the stamp and the number. */
function tailOf(value: string): string {
  return value.slice(value.indexOf(",", value.indexOf(",") + 1) + 1);
}
