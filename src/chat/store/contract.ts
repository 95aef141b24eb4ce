import type { AccountStore } from "./account.ts";
import type { FriendStore } from "./friend.ts";
import type { GroupStore, Page } from "./group.ts";

/** What `ok` to a send has waited for: the store's memory, its disk, or a replica. */
export type Durability = "memory" | "disk" | "replica";

/** What keeps its order: when one message fails, those behind it with the same word fail, too. */
export function orderOf({ conversation, from, device }: Outgoing): string {
  return `${conversation} ${from} ${device}`;
}

/** A message on its way into the store. */
export interface Outgoing {
  /** The two names in alphabetical order joined by `:`, or the group with its `#`. */
  readonly conversation: string;
  /** Who sends it. */
  readonly from: string;
  /** The sender's device: part of the key that makes a repeated send harmless. */
  readonly device: string;
  /** The client's id of this send: the rest of that key, within the conversation. */
  readonly id: string;
  /** A user, or a group with its `#`. */
  readonly to: string;
  /** What was written. */
  readonly text: string;
  /** Wall time in milliseconds. */
  readonly at: number;
}

/**
 * What became of a send.
 *
 * - `stored`: it has its place; with `duplicate` it had it before and nothing was added.
 * - `unknown_user`, `unknown_group`: there is none of that name; nothing was stored.
 * - `blocked`: the receiver has blocked the sender; `not_member`: the sender is not in the group. Nothing was stored.
 * - `id_reused`: the same key came with another text; nothing was stored.
 */
export type SendResult =
  | {
      readonly outcome: "stored";
      readonly seq: number;
      readonly at: number;
      readonly duplicate: boolean;
      /** The entry in the sender's inbox, where the store knows it as early as this; it is hinted as well. */
      readonly own?: OwnEntry;
    }
  | { readonly outcome: "unknown_user" | "unknown_group" | "blocked" | "not_member" | "id_reused" };

/** An entry of an inbox, ready to be sent. */
export interface InboxEntry {
  /** Its number, from 1. */
  readonly inbox: number;
  /** A random number that tells it from another entry in its place. */
  readonly stamp: number;
  /** The `message` (or `gap`) frame as UTF-8 JSON with its newline. */
  readonly line: Uint8Array;
  /**
   * The stamp of the entry before it, 0 before the first one: who has another one there is of a history that was rolled back. Absent where
   * that is not known, as before entries that were dropped.
   */
  readonly before?: number;
}

/** An inbox entry as a hint tells of it. */
export interface InboxHint extends InboxEntry {
  /** That of the inbox. Absent where history cannot be rolled back. */
  readonly epoch?: string;
}

/** The entry that a message makes in its sender's inbox, as who has just sent it is told of it: ready to be sent, too. */
export interface OwnEntry extends Omit<InboxHint, "line"> {
  /** The `message` frame as JSON with its newline. */
  readonly line: string;
}

/** A message of a conversation's log, as `history` gives it. */
export interface LogEntry {
  /** The pair or the group. */
  readonly conversation: string;
  /** The number in its log, from 1. */
  readonly seq: number;
  /** As its sender's device named it. */
  readonly id: string;
  /** Who sent it. */
  readonly from: string;
  /** Whom it was for. */
  readonly to: string;
  /** What was written. */
  readonly text: string;
  /** When, by the wall clock of the server that took it, in milliseconds. */
  readonly at: number;
}

/** Messages of a log in its order. */
export interface LogPage {
  /** In the order of their numbers. */
  readonly entries: readonly LogEntry[];
  /** Whether older ones are kept. */
  readonly more: boolean;
}

/** How much a read may return: it ends at whichever comes first, but gives at least one entry if there is one. */
export interface ReadLimits {
  /** At most so many entries. */
  readonly count: number;
  /** At most so many bytes. */
  readonly bytes: number;
}

/** How many messages of a conversation a user has not read. */
export interface Unread {
  /** The pair or the group. */
  readonly conversation: string;
  /** So many, counted to its own limit. */
  readonly count: number;
}

/** A conversation in a user's list. */
export interface ConversationEntry {
  /** The pair or the group. */
  readonly conversation: string;
  /** The newest message that the user has of it; of a group without any since they joined, the newest before that. */
  readonly seq: number;
  /** The newest message that the user has read. */
  readonly read: number;
}

/** How far a member of a conversation has got it and read it. */
export interface Receipt {
  /** Who it is about. */
  readonly name: string;
  /** The newest message that a device of theirs has acknowledged. */
  readonly delivered: number;
  /** The newest message that they have read. */
  readonly read: number;
}

/**
 * What became of a `read`.
 *
 * - `done`: `told` are to know that `read` was reached; nobody when the user had read that far before. Others than the user only in a pair, and in
 *   a group of at most {@linkcode MAX_RECEIPT_MEMBERS}.
 * - `unknown_group`, `not_member`: the user is not in the conversation.
 */
export type ReadResult =
  | { readonly outcome: "done"; readonly read: number; readonly told: readonly string[] }
  | { readonly outcome: "unknown_group" | "not_member" };

/** The part of a store that keeps messages. */
export interface MessageStore {
  /** What is sent counts as read by its sender, up to there. */
  send(message: Outgoing): Promise<SendResult>;
  /** Entries after number `after`, in order and without holes. */
  readInbox(user: string, after: number, limits: ReadLimits): Promise<readonly InboxEntry[]>;
  /**
   * The newest messages before `before` (absent: the newest of all) of a conversation, as a member sees them: of a group from where
   * they joined.
   *
   * @param user The one who asks, a name of the pair or a member.
   */
  readLog(
    user: string,
    conversation: string,
    before: number | undefined,
    limits: ReadLimits,
  ): Promise<LogPage | "unknown_group" | "not_member">;
  /** Notes that a user has read a conversation up to `seq`. What is beyond the newest message that they have of it counts as that. */
  markRead(user: string, conversation: string, seq: number): Promise<ReadResult>;
  /** How far the two of a pair have got and read their conversation. */
  receipts(conversation: string): Promise<readonly Receipt[]>;
  /** The conversations of which the user has not read everything, at most {@linkcode MAX_UNREAD}, in any order. */
  unread(user: string): Promise<readonly Unread[]>;
  /** The pairs of the user in which something was sent and the groups whose member they are, those whose names come after `after`. */
  conversations(user: string, after: string, limit: number): Promise<Page<ConversationEntry>>;
}

/**
 * Accounts, friends, groups, logs and inboxes: the truth.
 *
 * - A write that resolves is stored as `durable` says. One that rejects with `unavailable` is *not known* to be stored.
 * - Writes asked for in one tick are done together; those for one conversation keep their order.
 * - Every inbox entry that a send makes is hinted on the bus after it is stored: on channel `user:NAME`, as its line.
 * - Numbers have no holes: `seq` 1, 2, 3 … in a conversation's log, `inbox` 1, 2, 3 … in a user's inbox. The sender's inbox
 *   gets a copy too; a message to oneself is one entry.
 * - What a send owes to inboxes that it could not reach before it was answered is delivered later, whoever dies.
 */
export interface Store extends AccountStore, FriendStore, GroupStore, MessageStore, AsyncDisposable {
  /** What an `ok` waits for. */
  readonly durable: Durability;
  /**
   * Whether it can be asked now, as far as is known: not while what keeps the data cannot be reached, as a Redis that has stopped, and not
   * once it is closed. Of a Redis that hangs it is known within 6 seconds. What it would answer is another matter: a full one is up.
   */
  readonly isUp: boolean;
  /**
   * What is owed and could not be delivered in {@linkcode MAX_DELIVERY_TRIES} tries: to be looked at by an operator. It is tried again now and
   * then, and counts until that succeeds.
   */
  readonly setAside: number;
}

/** Tries after which what is owed is set aside, and seldom tried again. */
export const MAX_DELIVERY_TRIES = 20;
/** Conversations in one answer of {@linkcode MessageStore.unread}. */
export const MAX_UNREAD = 1000;
/** Members of a group up to which each is told what another one has read. */
export const MAX_RECEIPT_MEMBERS = 32;
/** For how long a repeated send is recognised, in milliseconds. */
export const DEDUPE_MS = 3_600_000;
/** How many ids of a device a repeated send is recognised among. */
export const DEDUPE_IDS = 1000;
/** How many messages of a conversation are kept. */
export const MAX_LOG_ENTRIES = 10_000;
/** How many entries of an inbox are kept. */
export const MAX_INBOX_ENTRIES = 100_000;
/** How many bytes of an inbox are kept. */
export const MAX_INBOX_BYTES = 268_435_456;
/** For how long a log keeps a message, in milliseconds. */
export const LOG_MS: number = 90 * 24 * 3_600_000;
/** For how long, in milliseconds, a device that is not used keeps its user's inbox from dropping what the others have acknowledged. */
export const DEVICE_MS: number = 30 * 24 * 3_600_000;

/**
 * - `unavailable`: no answer, or not now; a write may or may not have happened.
 * - `locked`: another process holds the data folder.
 * - `damaged`: the file is not a database of ours, or broken.
 * - `unsuitable`: the store cannot do what was asked, such as a Redis that may evict keys.
 */
export type StoreErrorCode = "unavailable" | "locked" | "damaged" | "unsuitable";

/**
 * A store could not do its work.
 *
 * @example A data folder that somebody else has
 * ```ts
 * import assert from "node:assert/strict";
 * import { openWriter, StoreError } from "chorus";
 *
 * const options = { dir: "/var/lib/chorus", hint: () => undefined, onError: console.error };
 * await using _ = await openWriter(options);
 * const error = await openWriter(options).catch((error: unknown) => error);
 * assert(error instanceof StoreError && error.code === "locked");
 * ```
 */
export class StoreError extends Error {
  /** The kind of error. */
  override readonly name = "StoreError";
  /** Why, for programs. */
  readonly code: StoreErrorCode;

  /** Makes one. @param message For people: what was to be done, and why it was not. */
  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Called for what went wrong where no caller could be told, or not in full. */
export type StoreErrorHandler = (error: Error, context: { readonly during: StoreActivity }) => void;

/** What a store was doing when {@linkcode StoreErrorHandler} was called. */
export type StoreActivity = "write" | "hint" | "request" | "connection" | "close";

/** Writes that may wait at once in one process; more are `unavailable`. */
export const MAX_QUEUED_WRITES = 10_000;
