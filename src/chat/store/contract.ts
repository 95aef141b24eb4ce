/** What `ok` to a send has waited for: the store's memory, its disk, or a replica. */
export type Durability = "memory" | "disk" | "replica";

/** An account. */
export interface User {
  readonly name: string;
  /** The password's hash with its parameters, as `src/chat/password.ts` writes it. */
  readonly password: string;
}

/** A token that stands for a login. Only its hash is stored. */
export interface Token {
  readonly hash: string;
  readonly user: string;
  /** Wall time in milliseconds after which it is worth nothing. */
  readonly expiresAt: number;
}

/** A message on its way into the store. */
export interface Outgoing {
  /** The two names in alphabetical order joined by `:`. */
  readonly conversation: string;
  readonly from: string;
  /** The sender's device: part of the key that makes a repeated send harmless. */
  readonly device: string;
  /** The client's id of this send: the rest of that key, within the conversation. */
  readonly id: string;
  readonly to: string;
  readonly text: string;
  /** Wall time in milliseconds. */
  readonly at: number;
}

/**
 * What became of a send.
 *
 * - `stored`: it has its place; with `duplicate` it had it before and nothing was added.
 * - `unknown_user`: there is nobody of that name; nothing was stored.
 * - `id_reused`: the same key came with another text; nothing was stored.
 */
export type SendResult =
  | { readonly outcome: "stored"; readonly seq: number; readonly at: number; readonly duplicate: boolean }
  | { readonly outcome: "unknown_user" }
  | { readonly outcome: "id_reused" };

/** An entry of an inbox, ready to be sent. */
export interface InboxEntry {
  readonly inbox: number;
  readonly stamp: number;
  /** The `message` (or `gap`) frame as UTF-8 JSON with its newline: what a hint carries, too. */
  readonly line: Uint8Array;
}

/** A message of a conversation's log, as `history` gives it. */
export interface LogEntry {
  readonly conversation: string;
  readonly seq: number;
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly text: string;
  readonly at: number;
}

/** Messages of a log in its order. */
export interface LogPage {
  readonly entries: readonly LogEntry[];
  /** Whether older ones are kept. */
  readonly more: boolean;
}

/** Where an inbox stands. All of it is 0 and the epoch empty for a name without an account. */
export interface InboxState {
  /** A random word, drawn when the inbox was made. */
  readonly epoch: string;
  /** The number of the newest entry; 0 when there is none. */
  readonly top: number;
  /** The number before the oldest entry that is kept; a cursor below it has missed something. */
  readonly floor: number;
}

/** What a device finds when it logs in. */
export interface DeviceState extends InboxState {
  /** Grows with every login of the user: of two sessions of a device, the one with the smaller number is replaced. */
  readonly generation: number;
  /** The last entry this device acknowledged; for a device not seen before, that any device of the user has. */
  readonly acked: number;
}

/** How much a read may return: it ends at whichever comes first, but gives at least one entry if there is one. */
export interface ReadLimits {
  readonly count: number;
  readonly bytes: number;
}

/**
 * Accounts, logs and inboxes: the truth.
 *
 * - A write that resolves is stored as `durable` says. One that rejects with `unavailable` is *not known* to be stored.
 * - Writes asked for in one tick are done together; those for one conversation keep their order.
 * - Every inbox entry that a send makes is hinted on the bus after it is stored: on channel `user:NAME`, as its line.
 * - Numbers have no holes: `seq` 1, 2, 3 … in a conversation's log, `inbox` 1, 2, 3 … in a user's inbox. The sender's inbox
 *   gets a copy too; a message to oneself is one entry.
 */
export interface Store extends AsyncDisposable {
  readonly durable: Durability;
  /** @returns False when the name is taken: nothing changed. */
  createUser(user: User): Promise<boolean>;
  findUser(name: string): Promise<User | undefined>;
  addToken(token: Token): Promise<void>;
  /** @returns The token's user, unless it is unknown or has expired at wall time `now`. */
  findToken(hash: string, now: number): Promise<string | undefined>;
  removeToken(hash: string): Promise<void>;
  /** Removes every token of a user. */
  removeTokens(user: string): Promise<void>;
  /** Notes a login of a device at wall time `now`. A user has at most {@linkcode MAX_DEVICES}; the longest unused is forgotten. */
  openDevice(user: string, device: string, now: number): Promise<DeviceState>;
  /** Notes how far a device has read. An entry below an earlier one, beyond the top, or of another epoch changes nothing. */
  ack(user: string, device: string, epoch: string, inbox: number): Promise<void>;
  send(message: Outgoing): Promise<SendResult>;
  inboxState(user: string): Promise<InboxState>;
  /** Entries after number `after`, in order and without holes. */
  readInbox(user: string, after: number, limits: ReadLimits): Promise<readonly InboxEntry[]>;
  /** The newest messages before `before` (absent: the newest of all). */
  readLog(conversation: string, before: number | undefined, limits: ReadLimits): Promise<LogPage>;
}

/** Devices remembered for each user. */
export const MAX_DEVICES = 16;
/** For how long, in milliseconds, and how many ids of a device a repeated send is recognised. */
export const DEDUPE_MS = 3_600_000;
export const DEDUPE_IDS = 1000;
/** How many messages of a conversation and how many entries of an inbox are kept. */
export const MAX_LOG_ENTRIES = 10_000;
export const MAX_INBOX_ENTRIES = 100_000;

/**
 * - `unavailable`: no answer, or not now; a write may or may not have happened.
 * - `locked`: another process holds the data folder.
 * - `damaged`: the file is not a database of ours, or broken.
 * - `unsuitable`: the store cannot do what was asked, such as a Redis that may evict keys.
 */
export type StoreErrorCode = "unavailable" | "locked" | "damaged" | "unsuitable";

/** A store could not do its work. */
export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
