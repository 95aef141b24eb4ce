import type { Cursor } from "../protocol.ts";

/** An account. */
export interface User {
  /** As it logs in. */
  readonly name: string;
  /** The password's hash with its parameters, as `src/chat/account/password.ts` writes it; empty for an account without a password. */
  readonly password: string;
}

/** A token that stands for a login. Only its hash is stored. */
export interface Token {
  /** The SHA-256 of the token, as text. */
  readonly hash: string;
  /** Whose it is. */
  readonly user: string;
  /** Wall time in milliseconds after which it is worth nothing. */
  readonly expiresAt: number;
}

/** Where an inbox stands. All of it is 0 and the epoch empty for a name without an account. */
export interface InboxState {
  /** A random word, drawn when the inbox was made and again after each rollback that was found. */
  readonly epoch: string;
  /** The number of the newest entry; 0 when there is none. */
  readonly top: number;
  /** The stamp of the newest entry; 0 when there was none yet. */
  readonly stamp: number;
  /** The number before the oldest entry that is kept; a cursor below it has missed something. */
  readonly floor: number;
}

/** What a device finds when it logs in. */
export interface DeviceState extends InboxState {
  /** Grows with every login of the user: of two sessions of a device, the one with the smaller number is replaced. */
  readonly generation: number;
  /** Whether the device had a smaller number before, or none: else another login has this one, or a greater one. */
  readonly isRaised: boolean;
  /** The last entry this device acknowledged; for a device not seen before, that any device of the user has. */
  readonly acked: number;
}

/** Where a session stands, for {@linkcode AccountStore.inboxStates}. */
export interface InboxPlace extends Cursor {
  /** Whose inbox. */
  readonly user: string;
  /** Of which device the session is. */
  readonly device: string;
}

/** What is found of a session's inbox. */
export interface InboxFinding extends InboxState {
  /** The newest generation of the session's device: a larger one than the session's means that it was replaced. */
  readonly generation: number;
  /** Whether the entry at the session's place is no longer the one that the session sent: history was rolled back. */
  readonly isRolledBack: boolean;
  /** A rollback may be there and could not be looked for now, since a part of the store is away: to be asked again soon. */
  readonly isUncertain?: true;
}

/** Failed logins in the last {@linkcode FAILURE_WINDOW_MS}, and tries that are under way. */
export interface LoginFailures {
  /** Of the name, from anywhere. */
  readonly name: number;
  /** From the address, of any name. */
  readonly host: number;
}

/** A try to log in by password, as it was counted. */
export interface LoginTry {
  /** Names it among those of its name and those of its address. */
  readonly id: string;
  /** The name that was tried. */
  readonly name: string;
  /** The address it came from. */
  readonly host: string;
  /** What was counted before it. */
  readonly before: LoginFailures;
}

/** The part of a store that knows who is who, and where devices stand. */
export interface AccountStore {
  /** Adds a user. @returns False when the name is taken: nothing changed. */
  createUser(user: User): Promise<boolean>;
  /** Finds a user by name. */
  findUser(name: string): Promise<User | undefined>;
  /**
   * Changes the password, if it is still the one that was read, and does {@linkcode removeTokens} and {@linkcode endDevices} with it: all of
   * it, or nothing.
   *
   * @param from The hash that is to be replaced.
   * @param except The device whose sessions stay.
   * @returns Whether it was; false when somebody else was faster, or there is no such user.
   */
  changePassword(name: string, from: string, to: string, except?: string): Promise<boolean>;
  /** Adds a token. */
  addToken(token: Token): Promise<void>;
  /** Finds whose a token is. @returns The token's user, unless it is unknown or has expired at wall time `now`. */
  findToken(hash: string, now: number): Promise<string | undefined>;
  /** Removes a token; one that is not there is no error. */
  removeToken(hash: string): Promise<void>;
  /** Removes every token of a user. */
  removeTokens(user: string): Promise<void>;
  /**
   * Notes a login of a device at wall time `now`. A user has at most {@linkcode MAX_DEVICES}; the longest unused is forgotten. What
   * the inbox misses after a fail-over is brought first.
   *
   * @param generation What a session has already, or its client has numbered the login with: it is kept, and a larger one than that in the
   * answer is that of a newer login. Of logins with the same number the first one has it. Absent: one newer than any before, also where the store has lost them.
   */
  openDevice(user: string, device: string, now: number, generation?: number): Promise<DeviceState>;
  /**
   * Makes every session of the user one of an older generation, except that of device `except`: what `inboxStates` finds then ends
   * those that nobody could tell, also those of devices that are forgotten.
   */
  endDevices(user: string, except?: string): Promise<void>;
  /**
   * Notes how far a device has read its inbox, and how far the user has got conversations. An entry below an earlier one, beyond the
   * top, or of another epoch changes nothing.
   *
   * @param delivered The newest `seq` of each conversation among what is acknowledged; a smaller one than before changes nothing.
   * @param stamp That of the entry: it changes nothing where another one has its number, since a rollback that nobody has found yet took it.
   * Absent: unknown, and not looked at.
   */
  ack(
    user: string,
    device: string,
    epoch: string,
    inbox: number,
    delivered: readonly Reached[],
    stamp?: number,
  ): Promise<void>;
  /** How an inbox stands. */
  inboxState(user: string): Promise<InboxState>;
  /**
   * Looks where inboxes stand, at most {@linkcode MAX_PLACES} at once, and makes good what a fail-over took from them. Where history was
   * rolled back, the inbox has a new epoch afterwards, drawn once however many ask.
   *
   * @returns For each place what was found; undefined where that part of the store is away, which is reported.
   * @throws {StoreError} Where all of it is.
   */
  inboxStates(places: readonly InboxPlace[]): Promise<readonly (InboxFinding | undefined)[]>;
  /**
   * Counts a try to log in at wall time `now` as a failure, until it is taken back. Of tries at once each finds another number before it,
   * whichever servers they are made on.
   */
  noteLoginTry(name: string, host: string, now: number): Promise<LoginTry>;
  /** Counts a try no longer. */
  takeBackLoginTry(attempt: LoginTry): Promise<void>;
}

/** How far a conversation was reached. */
export interface Reached {
  /** A pair or a group. */
  readonly conversation: string;
  /** The number in its log of the newest message that was reached. */
  readonly seq: number;
}

/** Devices remembered for each user. */
export const MAX_DEVICES = 16;
/** Places that are looked at in one call. */
export const MAX_PLACES = 500;
/** Failed logins of a name, and from a host, that are counted: more look the same. */
export const MAX_FAILURES_COUNTED = 1000;
/** For how long a failed login counts, in milliseconds. */
export const FAILURE_WINDOW_MS = 900_000;
