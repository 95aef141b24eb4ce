import { assert } from "@std/assert";
import type {
  GroupChange,
  InboxEntry,
  LogPage,
  Outgoing,
  ReadLimits,
  SendResult,
  Store,
} from "../../../src/chat/store/mod.ts";

/** A wall time at which the tests' messages are sent, in milliseconds. */
export const NOW = 1_750_000_000_000;

/** Limits that no test reaches. */
export const EVERYTHING = { count: 100_000, bytes: 1e9 };

let lastId = 0;

/** A message from ann to bob with an id of its own, unless told otherwise. */
export function outgoing(change: Partial<Outgoing> = {}): Outgoing {
  lastId += 1;
  const { from = "ann", to = "bob" } = change;
  const conversation = to.startsWith("#") ? to : [from, to].sort().join(":");
  return { conversation, from, to, device: "phone", id: `id-${lastId}`, text: "hi", at: NOW, ...change };
}

/** Sends a message that must be stored anew. @returns Its number in the log. */
export async function sendNew(store: Store, change: Partial<Outgoing> = {}): Promise<number> {
  const result = await store.send(outgoing(change));
  assert(
    result.outcome === "stored" && !result.duplicate,
    `expected a new message, got ${JSON.stringify(result)}`,
  );
  return result.seq;
}

/** Sends texts one after the other. */
export async function sendTexts(
  store: Store,
  texts: readonly string[],
  change: Partial<Outgoing> = {},
): Promise<void> {
  for (const text of texts) await sendNew(store, { ...change, text });
}

/** Sends `count` messages at once. */
export async function sendMany(store: Store, count: number, change: Partial<Outgoing> = {}): Promise<void> {
  await Promise.all(Array.from({ length: count }, () => sendNew(store, change)));
}

/** The number in the log, when it was stored. */
export function seqOf(result: SendResult): number | undefined {
  return result.outcome === "stored" ? result.seq : undefined;
}

/** Does something to a group that must be done. @returns Who is to be told. */
export async function changeGroup(
  store: Store,
  group: string,
  by: string,
  change: GroupChange,
): Promise<readonly string[]> {
  const result = await store.changeGroup(group, by, change);
  assert(result.outcome === "done", `expected it to be done, got ${JSON.stringify(result)}`);
  return result.told;
}

/** Makes an open group of the first user, which the others join one after the other. */
export async function makeGroup(store: Store, group: string, users: readonly string[]): Promise<void> {
  const [owner = "", ...others] = users;
  await changeGroup(store, group, owner, { action: "create", mode: "open" });
  for (const user of others) await changeGroup(store, group, user, { action: "join" });
}

/** What a client sees of an entry. */
export interface Frame {
  readonly type: string;
  readonly inbox: number;
  readonly stamp: number;
  readonly seq: number;
  readonly conversation: string;
  readonly text: string;
  readonly from: string;
  readonly missing?: number;
}

/** The frame in an entry's line. */
export function frameOf(line: Uint8Array | string): Frame {
  return JSON.parse(typeof line === "string" ? line : new TextDecoder().decode(line)) as Frame;
}

/** The lines of entries as text. */
export function linesOf(entries: readonly InboxEntry[]): readonly string[] {
  return entries.map(({ line }) => new TextDecoder().decode(line));
}

/** The texts of frames. */
export function textsOf(all: readonly Frame[]): readonly string[] {
  return all.map(({ text }) => text);
}

/** Everything in a user's inbox. */
export async function readAll(store: Store, user: string): Promise<readonly InboxEntry[]> {
  return await store.readInbox(user, 0, EVERYTHING);
}

/** The frames of everything in a user's inbox. */
export async function frames(store: Store, user: string): Promise<readonly Frame[]> {
  return (await readAll(store, user)).map(({ line }) => frameOf(line));
}

/** A page of a log that may be read: everything, by the first of a pair, unless told otherwise. */
export async function logPage(
  store: Store,
  conversation: string,
  options: { user?: string; before?: number | undefined; limits?: ReadLimits } = {},
): Promise<LogPage> {
  const { user = conversation.split(":")[0] ?? "", before, limits = EVERYTHING } = options;
  const page = await store.readLog(user, conversation, before, limits);
  assert(typeof page !== "string", `expected a page, got ${page}`);
  return page;
}
