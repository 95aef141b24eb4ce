import { assert } from "@std/assert";
import type { InboxEntry, Outgoing, SendResult, Store } from "../../../src/chat/store/mod.ts";

/** A wall time at which the tests' messages are sent, in milliseconds. */
export const NOW = 1_750_000_000_000;

/** Limits that no test reaches. */
export const EVERYTHING = { count: 100_000, bytes: 1e9 };

let lastId = 0;

/** A message from ann to bob with an id of its own, unless told otherwise. */
export function outgoing(change: Partial<Outgoing> = {}): Outgoing {
  lastId += 1;
  const { from = "ann", to = "bob" } = change;
  const conversation = [from, to].sort().join(":");
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

/** The number in the log, when it was stored. */
export function seqOf(result: SendResult): number | undefined {
  return result.outcome === "stored" ? result.seq : undefined;
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

/** Everything in a user's inbox. */
export async function readAll(store: Store, user: string): Promise<readonly InboxEntry[]> {
  return await store.readInbox(user, 0, EVERYTHING);
}

/** The frames of everything in a user's inbox. */
export async function frames(store: Store, user: string): Promise<readonly Frame[]> {
  return (await readAll(store, user)).map(({ line }) => frameOf(line));
}
