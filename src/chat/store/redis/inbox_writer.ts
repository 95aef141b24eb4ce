import { partitionOf, toRefusal } from "../../../redis/mod.ts";
import { StoreError } from "../contract.ts";
import type { RedisStoreContext } from "./context.ts";
import { DELIVER_SCRIPT } from "./deliver_script.ts";
import { toStoreError } from "./error.ts";
import { markField } from "./keys.ts";
import { Lanes } from "./lane.ts";
import type { Member } from "./members.ts";
import { toTexts } from "./reply.ts";

/** A message, or a gap for several, on its way into inboxes. */
export interface WindowEntry {
  /** Its number; that of the last one for a gap. */
  readonly last: number;
  /** The log's stamp of it; 0 when it is not known. */
  readonly stamp: string;
  readonly from: string;
  readonly kind: "m" | "g";
  /** The frame from `"stamp":` on, with the stamp that the inboxes get. */
  readonly value: string;
}

/** Part of a log, without holes. */
export interface LogWindow {
  /** The place before the first entry, and the log's stamp there; 0 when it is not known. */
  readonly before: number;
  readonly beforeStamp: string;
  readonly entries: readonly WindowEntry[];
}

/** A place in a conversation, as a mark says it. */
export interface Place {
  readonly seq: number;
  readonly stamp: string;
}

/**
 * What became of one inbox.
 *
 * - `done`: it has all of the window, or there is no such inbox.
 * - `behind`: it is at a place before the window. `doubtful`: it is at one that the window does not know, or contradicts.
 * - `failed`: it cannot be written.
 */
export type InboxReply =
  | { readonly outcome: "done" }
  | ({ readonly outcome: "behind" | "doubtful" } & Place)
  | { readonly outcome: "failed"; readonly reason: StoreError };

interface Job {
  readonly conversation: string;
  readonly window: LogWindow;
  readonly members: readonly Member[];
}

/** Inboxes that one call may write one message to: about 2 ms of Redis. */
const MAX_INBOXES = 128;
/** Characters of messages in one call. */
const MAX_CHARACTERS = 512 * 1024;

/** Writes windows of logs into inboxes, many of them with one call. */
export class InboxWriter {
  readonly #context: RedisStoreContext;
  readonly #onGone: (name: string) => void;
  readonly #lanes: Lanes<Job, readonly InboxReply[]>;

  /** @param onGone Told of members who have no inbox. */
  constructor(context: RedisStoreContext, onGone: (name: string) => void) {
    this.#context = context;
    this.#onGone = onGone;
    const { deadlineMs, clock } = context;
    this.#lanes = new Lanes({
      action: "deliver",
      run: (jobs) => this.#write(jobs),
      weigh: weightOf,
      deadlineMs,
      clock,
    });
  }

  /**
   * Writes a window into the inboxes of members, as far as they miss it.
   *
   * @returns What became of each.
   */
  async write(
    conversation: string,
    window: LogWindow,
    members: readonly Member[],
  ): Promise<readonly (readonly [Member, InboxReply])[]> {
    const most = Math.max(1, Math.floor((MAX_INBOXES * 4) / (2 + 2 * window.entries.length)));
    const writing = Array.from(this.#split(members, most), ([lane, some]) =>
      this.#writeSome(lane, { conversation, window, members: some }),
    );
    return (await Promise.all(writing)).flat();
  }

  /** Finishes what is queued. */
  close(): Promise<void> {
    return this.#lanes.close();
  }

  /** One server of a Cluster that is away keeps nobody on the others waiting. */
  async #writeSome(lane: string, job: Job): Promise<readonly (readonly [Member, InboxReply])[]> {
    try {
      const replies = await this.#lanes.ask(lane, job);
      return job.members.map((member, index) => [member, replies[index] ?? LOST]);
    } catch (cause) {
      const reason = toStoreError(cause, "deliver");
      return job.members.map((member) => [member, { outcome: "failed", reason }]);
    }
  }

  /** What one call may touch: anything on one server, one partition on a Cluster. */
  *#split(members: readonly Member[], most: number): Generator<readonly [string, readonly Member[]]> {
    const { isSplit } = this.#context;
    const lanes = isSplit ? Map.groupBy(members, ({ name }) => partitionOf(name)) : new Map([["", members]]);
    for (const [lane, all] of lanes) {
      for (let start = 0; start < all.length; start += most) yield [lane, all.slice(start, start + most)];
    }
  }

  async #write(jobs: readonly Job[]): Promise<readonly (readonly InboxReply[] | StoreError)[]> {
    const { keyspace, keys, limits, deadlineMs } = this.#context;
    const publish = keyspace.kind === "cluster" ? "SPUBLISH" : "PUBLISH";
    const args = [`${limits.inboxEntries}`, `${limits.inboxBytes}`, publish];
    const names: string[] = [];
    for (const { conversation, window, members } of jobs) {
      args.push(markField(conversation), `${window.before}`, window.beforeStamp, `${window.entries.length}`);
      for (const { last, stamp, from, kind, value } of window.entries)
        args.push(`${last}`, stamp, from, kind, value);
      args.push(`${members.length}`);
      for (const { name, joined, stamp } of members) {
        names.push(keys.mark(name), keys.inbox(name));
        args.push(name, `${joined}`, stamp, keys.channel(name));
      }
    }
    const replies = toTexts(await keyspace.script(DELIVER_SCRIPT, names, args, { deadlineMs }));
    let next = 0;
    return jobs.map(({ members }) => {
      const own = replies.slice(next, next + members.length);
      next += members.length;
      for (const [index, { name }] of members.entries()) if (own[index] === "u") this.#onGone(name);
      return own.map(parseReply);
    });
  }
}

const LOST = failed("Redis did not say what became of it");

/** @param reason Why, in Redis's words: so one can tell if it was the inbox's fault. */
function failed(reason: string): InboxReply {
  const cause = toRefusal(reason, "deliver");
  return { outcome: "failed", reason: new StoreError("unavailable", cause.message, { cause }) };
}

function weightOf({ window, members }: Job): number {
  let characters = 0;
  for (const { value } of window.entries) characters += value.length;
  const inboxes = (members.length * (2 + 2 * window.entries.length)) / 4;
  return inboxes / MAX_INBOXES + characters / MAX_CHARACTERS;
}

function parseReply(reply: string): InboxReply {
  const [kind, seq, stamp = "0"] = reply.split(" ");
  switch (kind) {
    case "o":
    case "u":
      return { outcome: "done" };
    case "n":
      return { outcome: "behind", seq: Number(seq), stamp };
    case "c":
      return { outcome: "doubtful", seq: Number(seq), stamp };
  }
  return failed(reply.slice(2));
}
