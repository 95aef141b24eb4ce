import type { Clock } from "../../async/mod.ts";
import type { ClosingReason, Cursor } from "../protocol.ts";
import type { Credentials, CredentialsSource } from "./credentials.ts";
import type { Dial } from "./dial.ts";
import type { EventHandler } from "./events.ts";
import type { ChatMessage } from "./reader.ts";
import type { ShownMessage } from "./recent.ts";

/** Everything that can happen to a client. Each is optional; none may throw. */
export interface ChatClientHandler extends EventHandler {
  /** A message, exactly once and in order. It counts as read by this device when this returns. */
  message?(message: ChatMessage): void;
  /**
   * Logged in on a server: the first time, and after each change of the connection.
   *
   * @param unread How many messages the user has not read, by conversation; those without any are left out.
   * @param top The number of the newest entry of the inbox: what comes up to it is counted in `unread`.
   */
  online?(server: string, unread: ReadonlyMap<string, number>, top: number): void;
  /** The connection is gone; another one is being made. */
  offline?(): void;
  /** The server says that it closes the connection, and why. */
  closing?(reason: ClosingReason): void;
  /** So many messages of a conversation were dropped from its log before they reached this inbox. */
  gap?(conversation: string, missing: number): void;
  /**
   * Messages between those seen and those to come are not to be had any more. What comes again is not shown again.
   *
   * @param top As that of `online`; where the history is another one by now, the entry after which it goes on: what comes then is in no
   * count.
   */
  resync?(reason: "trimmed" | "rollback", top: number): void;
}

/** Options for {@linkcode connectChat}. */
export interface ChatClientOptions {
  /** How a server is reached: {@linkcode tcpDial} or {@linkcode webSocketDial}. */
  readonly dial: Dial;
  /** A password or a token, or whatever gives a fresh one for each login. */
  readonly credentials: Credentials | CredentialsSource;
  /** Told of all that happens. */
  readonly handler?: ChatClientHandler;
  /** What names this device among those of the user. @default {a random name} */
  readonly device?: string;
  /** Where an earlier client of this device stopped. @default {where the server knows that it stopped} */
  readonly cursor?: Cursor | undefined;
  /** What that client has shown last, so that it is not shown again should the servers go back to older data. @default {nothing} */
  readonly recent?: readonly ShownMessage[] | undefined;
  /** Sends that may wait for their answers; one more is refused with `rate_limited`. @default {10000} */
  readonly maxUnsent?: number;
  /** The source of time. @default {systemClock} */
  readonly clock?: Clock;
  /** Ends connecting for the first time. */
  readonly signal?: AbortSignal;
}

/** Why a client is over. `replaced`: by a newer login of its device. `refused`: its login is not taken any more. */
export type ClientEnd = "closed" | "replaced" | "refused";
