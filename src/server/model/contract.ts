import type { Accept, Address, TcpAddress } from "../../net/mod.ts";
import type { End } from "../worker.ts";

/** The server models by name. */
export type ModelName =
  | "iterative"
  | "process-per-connection"
  | "thread-per-connection"
  | "reactors-in-threads"
  | "reactors-in-processes";

/**
 * What a handler module exports. It is named by its URL, since a function cannot go to another thread or process: each that needs
 * it imports it, once.
 *
 * - `accept` and the handlers it gives run unchanged under every model, with the contract of `Connection` as it is.
 * - What the module keeps to itself is kept once a process or thread: under the models per connection, nothing is shared at all.
 * - In `process-per-connection` standard output carries the connection's bytes: print to standard error.
 */
export interface HandlerModule {
  /** Called for each connection. */
  readonly accept: Accept;
}

/** Options for a {@linkcode Model}. */
export interface ModelOptions {
  /** Where to listen; port 0 takes a free one. */
  readonly listen: TcpAddress;
  /** Reactors; the other models have none to choose. @default {one a core} */
  readonly workers?: number;
  /**
   * How `reactors-in-processes` spreads connections: the system does (`kernel`), or this process accepts all of them and hands them
   * to the children in turn (`hand-over`).
   *
   * @default {"kernel"}
   */
  readonly spread?: "kernel" | "hand-over";
  /**
   * Connections that are served at once, and with them threads and processes in the models per connection. Of those that come
   * beyond it, {@linkcode MAX_WAITING} are kept waiting, unread and in order; more are reset. Where the system spreads connections
   * each reactor has its equal share, at least one, and its own queue.
   *
   * @default {10000; 64 in the models per connection; `iterative` always has 1}
   */
  readonly maxConnections?: number;
  /** How long connections may take to finish after `close()`, in milliseconds. @default {5000} */
  readonly graceMs?: number;
  /** Ends everything at once, what is under way included. While reactors start it ends the start, which rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Called when a handler throws, when accepting fails, and when a worker fails; also when a reactor of several has not answered for 20 s,
   * as it is when a handler does not return: then it is killed, and `onEnd` follows. Must not throw.
   *
   * @default {ignored}
   */
  readonly onError?: (error: Error, context: { readonly during: "accept" | "handler" }) => void;
  /**
   * A worker has ended by itself: crashed, been killed, or could not start in time. Its connections are reset; the next one starts in
   * `delayMs`, which grows while they end soon. Must not throw.
   *
   * @default {ignored}
   */
  readonly onEnd?: (end: End, delayMs: number) => void;
}

/** Tells what failed, and during what. */
export type OnError = (error: Error, context: { readonly during: "accept" | "handler" }) => void;

/** A server that runs. */
export interface ModelServer extends AsyncDisposable {
  /** Where it listens, with the real port where 0 was asked for. */
  readonly address: Address;
  /** Connections that are served now, as far as workers have told; those that wait are not counted. */
  readonly connections: number;
  /**
   * Stops accepting, resets those that wait, lets the others finish for up to `graceMs`, then aborts them. Resolves when every
   * thread and process has ended. Idempotent.
   */
  close(): Promise<void>;
  /** Settles when it is over: closed, or aborted by its signal. Never rejects. */
  readonly closed: Promise<"closed" | "aborted">;
}

/**
 * Starts a server of one model.
 *
 * The models per connection import the module for each connection; there, a mistake in it is told to `onEnd`, and the client is
 * reset. The others import it before they are ready, and do not start with one that cannot be imported.
 *
 * @param handler The URL of a {@linkcode HandlerModule}, such as `new URL("./echo.ts", import.meta.url).href`.
 * @throws {NetError} When it cannot listen; a port on which anybody listens already is `in_use`.
 * @throws {TypeError} When the module has no `accept`.
 * @throws {RangeError} When a number among the options is not a whole one from 1.
 */
export type Model = (handler: string, options: ModelOptions) => Promise<ModelServer>;

/** Connections that may wait for a place, for each process or thread that accepts. */
export const MAX_WAITING = 511;

/** How long connections have to finish unless told otherwise, in milliseconds. */
export const GRACE_MS = 5000;

/** How long the worker of one connection may take until it serves, in milliseconds, before it is killed. */
export const READY_MS = 60_000;

/** How much longer than its grace a worker may take to end, in milliseconds, before it is killed. */
export const END_MARGIN_MS = 2000;
