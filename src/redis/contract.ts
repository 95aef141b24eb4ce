import type { Buffer } from "node:buffer";
import type { RedisClientType } from "redis";
import type { BackoffOptions, Clock } from "../async/mod.ts";

/**
 * - `unreachable`: no connection, or it was lost before the answer came.
 * - `timeout`: no answer within the deadline.
 * - `unwritable`: Redis takes no writes now: it has no memory or disk left, or too few replicas.
 * - `rejected`: Redis answered with another error.
 * - `overloaded`: too many commands wait for their answers; this one was not sent.
 * - `closed`: we closed the connection.
 * - `bad_url`: not an address of a Redis.
 */
export type RedisErrorCode =
  | "unreachable"
  | "timeout"
  | "unwritable"
  | "rejected"
  | "overloaded"
  | "closed"
  | "bad_url";

/** Talking to Redis failed. A message never holds the password. */
export class RedisError extends Error {
  override readonly name = "RedisError";
  readonly code: RedisErrorCode;

  constructor(code: RedisErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A client of npm `redis`: one connection, RESP3, without a command timeout of its own. */
export type RedisClient = RedisClientType;

/** What Redis takes as a key or an argument: text as UTF-8, bytes as they are. */
export type RedisValue = string | Buffer | Uint8Array;

/** How a dead connection is found out and another one is made. */
export interface RedisRecovery {
  /** The longest that connecting may take, with all that a new connection needs, in milliseconds. @default {10000} */
  connectMs?: number;
  /**
   * How often the connection is probed, in milliseconds. When two probes in a row are unanswered it is taken for dead, and
   * another one is made. @default {2000} for commands, 5000 for a subscriber
   */
  probeMs?: number;
  /**
   * How often a sample of 16 channels of each connection that listens is checked, in milliseconds, give or take a tenth. One that is not
   * really listened to is joined anew. @default {25000}
   */
  checkMs?: number;
  /** The delays between tries to connect again, without end. @default {50 ms doubling up to 2 s, half of it random} */
  reconnect?: BackoffOptions;
}

/** Options for every kind of connection to Redis. */
export interface RedisOptions {
  /** The longest to wait for an answer, in milliseconds. @default {5000} */
  deadlineMs?: number;
  /** When a connection counts as lost, and how it comes back. */
  recovery?: RedisRecovery;
  /**
   * Aborted when the process is about to end: from then on a connection counts as lost when it has not answered for a second, and closing
   * waits no longer than that.
   */
  ending?: AbortSignal | undefined;
  /** Commands that may wait for their answers; one more is `overloaded`. @default {100000} */
  maxPending?: number;
  /** Called when the connection is lost, when connecting again fails in a new way, and when a handler has thrown. */
  onError?: (error: Error, context: { readonly during: "connect" | "message" }) => void;
  /** Called when the connection is lost. */
  onDown?: () => void;
  /** Called when it is back; not for the first time, which the factory's promise tells. */
  onUp?: () => void;
  /** The source of time. @default {systemClock} */
  clock?: Clock;
}
