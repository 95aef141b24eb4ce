import type { Clock } from "../../async/mod.ts";

/**
 * Who is online: which users have a session on some server of the cluster.
 *
 * A server says who has come and who has left; what it says is true while it lives. When it dies, its users are gone within
 * {@linkcode GONE_MS}, and some server that lives is told.
 */
export interface Presence extends AsyncDisposable {
  /**
   * This server holds a session of the user from now on. Called once until `leave`.
   *
   * @returns Whether no other server does: the user has come online.
   * @throws {PresenceError}
   */
  arrive(user: string): Promise<boolean>;
  /**
   * This server no longer does.
   *
   * @returns Whether no other server does: the user has gone offline.
   * @throws {PresenceError}
   */
  leave(user: string): Promise<boolean>;
  /** Those of `users` who are online. @throws {PresenceError} */
  online(users: readonly string[]): Promise<ReadonlySet<string>>;
}

/** Options for every kind of presence. */
export interface PresenceOptions {
  /** This server, under a name that is new at each start. */
  readonly server: string;
  /** Told of users who have gone offline with a server that died: on at least one server that lives, and never for one who is online. */
  readonly onGone: (users: readonly string[]) => void;
  /** Told of users of this server who may have been given as gone while it was taken for dead in error. @default {nobody} */
  readonly onBack?: (users: readonly string[]) => void;
  /** Told of every failure, with what was being done. Must not throw. */
  readonly onError: (error: unknown, context: { readonly during: string }) => void;
  /** The source of time. @default {systemClock} */
  readonly clock?: Clock;
}

/** The longest after which the users of a server that died count as offline, in milliseconds. */
export const GONE_MS = 10_000;

/**
 * Nobody can tell now who is online.
 *
 * @example A presence that was closed
 * ```ts
 * import assert from "node:assert/strict";
 * import { localPresence, PresenceError } from "chorus";
 *
 * const presence = localPresence({ server: "s1", onGone: () => undefined, onError: console.error });
 * await presence[Symbol.asyncDispose]();
 * const error = await presence.online(["ada"]).catch((error: unknown) => error);
 * assert(error instanceof PresenceError && error.code === "unavailable");
 * ```
 */
export class PresenceError extends Error {
  /** Tells it from other errors. */
  override readonly name = "PresenceError";
  /** Nobody can tell now. */
  readonly code = "unavailable";
}
