import { createHash } from "node:crypto";
import { StoreError } from "../contract.ts";
import { gapTail, randomEpoch, randomStamp } from "../line.ts";
import type { RedisStoreContext } from "./context.ts";
import { ROLL_BACK_SCRIPT } from "./deliver_script.ts";
import type { InboxReply, InboxWriter, LogWindow, Place, WindowEntry } from "./inbox_writer.ts";
import { markField } from "./keys.ts";
import { type KeptEntry, type LogView, viewLog } from "./log_reader.ts";
import type { Member } from "./members.ts";
import { toText } from "./reply.ts";

/** Entries of a log in one step. */
const PAGE_ENTRIES = 64;
/** Entries of a log that are compared with an inbox after a rollback. */
const COMPARED_ENTRIES = 256;
/** How often inboxes may turn out to be elsewhere before they are left to be owed. */
const MAX_SURPRISES = 8;

/** Members whose inboxes are at one place. */
type Standing = readonly [Place, readonly Member[]];

/**
 * Brings inboxes up to a place in their conversation, wherever they are.
 *
 * An inbox at another place than the window's is brought what it misses from the log, page by page; for what the log no longer has it gets one
 * gap entry. A place that the log does not know, or under another stamp, means that the log was rolled back: the inbox gets a new epoch and
 * goes on from where the two still agree.
 */
export class CatchUp {
  readonly #context: RedisStoreContext;
  readonly #writer: InboxWriter;

  constructor(context: RedisStoreContext, writer: InboxWriter) {
    this.#context = context;
    this.#writer = writer;
  }

  /**
   * Brings members up to the end of a window.
   *
   * @throws {StoreError} `unavailable` when some could not be; the others were.
   */
  async bring(conversation: string, window: LogWindow, members: readonly Member[]): Promise<void> {
    const target = window.entries.at(-1)?.last ?? window.before;
    const failures: StoreError[] = [];
    const other = await this.#write(conversation, window, members, failures);
    for (const [place, some] of other) await this.#catchUp(conversation, place, some, target, failures);
    const [failure] = failures;
    if (failure) throw failure;
  }

  /** @returns Who is at another place, by that place. */
  async #write(
    conversation: string,
    window: LogWindow,
    members: readonly Member[],
    failures: StoreError[],
  ): Promise<readonly Standing[]> {
    const places = new Map<string, [Place, Member[]]>();
    for (const [member, reply] of await this.#writer.write(conversation, window, members)) {
      const place = placeOf(reply);
      if (!place) {
        if (reply.outcome === "failed") failures.push(reply.reason);
        continue;
      }
      const name = `${place.seq} ${place.stamp}`;
      const known = places.get(name);
      if (known) known[1].push(member);
      else places.set(name, [place, [member]]);
    }
    return [...places.values()];
  }

  /** Works through places until every inbox there is at the target. */
  async #catchUp(
    conversation: string,
    start: Place,
    members: readonly Member[],
    target: number,
    failures: StoreError[],
  ): Promise<void> {
    const todo: Standing[] = [[start, members]];
    let surprises = 0;
    for (let next = todo.shift(); next; next = todo.shift()) {
      const { isSurprise, rest } = await this.#step(conversation, next, target, failures);
      todo.push(...rest);
      // Somebody else has moved them meanwhile, or their log was rolled back: look again, but not for ever.
      if (isSurprise) surprises += 1;
      if (surprises <= MAX_SURPRISES) continue;
      failures.push(
        new StoreError("unavailable", `Cannot deliver ${conversation}: its inboxes change all the time`),
      );
      return;
    }
  }

  /** Brings who stands at a place one page further. */
  async #step(
    conversation: string,
    [place, members]: Standing,
    target: number,
    failures: StoreError[],
  ): Promise<{ isSurprise: boolean; rest: readonly Standing[] }> {
    const range = { from: place.seq, to: Math.max(target, place.seq), count: PAGE_ENTRIES };
    const view = await viewLog(this.#context, conversation, range);
    if (isRolledBack(place, view))
      return { isSurprise: true, rest: await this.#rollBack(conversation, place, members, view) };
    if (place.seq >= target) return { isSurprise: false, rest: [] };
    const window = windowAfter(place, view, conversation, target);
    const elsewhere = await this.#write(conversation, window, members, failures);
    const end = window.entries.at(-1);
    const further: readonly Standing[] =
      end && end.last < target ? [[{ seq: end.last, stamp: end.stamp }, members]] : [];
    return { isSurprise: elsewhere.length > 0, rest: [...elsewhere, ...further] };
  }

  /** @returns Where the inboxes are now. */
  async #rollBack(
    conversation: string,
    { seq, stamp }: Place,
    members: readonly Member[],
    view: LogView,
  ): Promise<readonly Standing[]> {
    const { keyspace, keys, deadlineMs } = this.#context;
    const newest = await viewLog(this.#context, conversation, { newest: COMPARED_ENTRIES });
    const log = newest.entries.flatMap((entry) => [`${entry.seq}`, entry.stamp, digestOf(entry)]);
    const places: Standing[] = [];
    for (const member of members) {
      const fallback = Math.max(member.joined, Math.min(seq, view.top) - 1, 0);
      const args = [
        markField(conversation),
        `${seq} ${stamp} `,
        randomEpoch(),
        conversation,
        `${fallback}`,
        ...log,
      ];
      const names = [keys.mark(member.name), keys.inbox(member.name)];
      const reply = toText(await keyspace.script(ROLL_BACK_SCRIPT, names, args, { deadlineMs })).split(" ");
      const place =
        reply[0] === "r" ? { seq: Number(reply[1]), stamp: reply[2] ?? "0" } : { seq: 0, stamp: "0" };
      places.push([place, [member]]);
    }
    return places;
  }
}

function placeOf(reply: InboxReply): Place | undefined {
  switch (reply.outcome) {
    case "done":
    case "failed":
      return undefined;
    case "behind":
    case "doubtful":
      return { seq: reply.seq, stamp: reply.stamp };
  }
}

/** Whether a log knows nothing of a place, or something else. What it no longer keeps says nothing. */
function isRolledBack({ seq, stamp }: Place, { top, stamp: topStamp, entries }: LogView): boolean {
  if (seq > top) return true;
  if (stamp === "0") return false;
  const [first] = entries;
  if (first?.seq === seq) return first.stamp !== stamp;
  return seq === top && topStamp !== "0" && topStamp !== stamp;
}

/** The window from a place on, as far as a view shows it; with a gap for what is no longer there. */
function windowAfter(place: Place, view: LogView, conversation: string, target: number): LogWindow {
  const kept = view.entries.filter(({ seq }) => seq > place.seq);
  const lost = (kept[0]?.seq ?? target + 1) - 1;
  const entries: WindowEntry[] = kept.map(freshEntry);
  if (lost > place.seq) {
    const stamp = lost === view.top ? view.stamp : "0";
    entries.unshift(gapEntry(conversation, place.seq + 1, lost, stamp));
  }
  return { before: place.seq, beforeStamp: place.stamp, entries };
}

function gapEntry(conversation: string, first: number, last: number, stamp: string): WindowEntry {
  const value = `"stamp":${randomStamp()},"seq":${last},${gapTail(conversation, last - first + 1)}`;
  return { last, stamp, from: "", kind: "g", value };
}

/**
 * A kept message for inboxes, under a stamp of its own: an inbox that lost entries gets them again in another order, and then none of them may
 * look like the one that a client has seen at the same number.
 */
export function freshEntry({ seq, stamp, from, rest }: KeptEntry): WindowEntry {
  return { last: seq, stamp, from, kind: "m", value: `"stamp":${randomStamp()},${rest}` };
}

function digestOf({ rest }: KeptEntry): string {
  return createHash("sha1").update(rest).digest("hex");
}
