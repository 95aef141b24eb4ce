import { type Clock, systemClock, type Timer } from "../async/mod.ts";
import type { CloseReason, Connection, ConnectionHandler } from "./contract.ts";
import { StreamConnection } from "./stream_connection.ts";

/** Options for {@linkcode splice}. */
export interface SpliceOptions {
  /** The longest that neither side may send anything, in milliseconds. @default {3600000} an hour */
  idleTimeoutMs?: number | undefined;
  /**
   * The same after one side has ended, in milliseconds. Bytes that wait for a slow reader are given `idleTimeoutMs`.
   *
   * @default {30000}
   */
  halfCloseTimeoutMs?: number | undefined;
  /** The source of time. @default {systemClock} */
  clock?: Clock | undefined;
}

/** Whom a splice tells. */
export interface SpliceHandler {
  /** Both connections are closed. Once; must not throw. */
  spliceClosed(result: SpliceResult): void;
}

/**
 * Why a splice is over: what its first connection to close reported, or the timeout that ended both.
 */
export type SpliceReason = CloseReason | "idle_timeout" | "half_close_timeout";

/** How a splice went. */
export interface SpliceResult {
  /** Why it is over. */
  readonly reason: SpliceReason;
  /** The side that closed first; undefined for `finished` and the timeouts. */
  readonly side: "a" | "b" | undefined;
  /** Given for `reset` and `failed`. */
  readonly error: Error | undefined;
  /** Bytes read from `a` and given to `b`. */
  readonly bytesFromA: number;
  /** Bytes read from `b` and given to `a`. */
  readonly bytesFromB: number;
}

/** Two connections that are spliced together. */
export interface Splice {
  /** Bytes so far. */
  readonly bytesFromA: number;
  /** Bytes from the second connection to the first. */
  readonly bytesFromB: number;
  /** When the last bytes moved, on the splice's clock. */
  readonly activeAt: number;
  /** Settles once both connections are closed. Never rejects. */
  readonly closed: Promise<SpliceResult>;
  /** Closes both connections. */
  closeBoth(): void;
  /** Aborts both connections. */
  abortBoth(): void;
}

/**
 * Copies bytes both ways between two connections, until both are over. They may be of different drivers.
 *
 * - Takes both over, with their handlers; resumes both. What a handler before has read is its own to write.
 * - A side that cannot take more stops the other one from being read. Nothing is held but what one read brought.
 * - The end of one side is passed on after its bytes; the other direction goes on.
 * - A side that is reset, fails or is aborted aborts the other one; a side that is closed by `close()` closes the other one.
 *   So ending a splice early is to close or abort either connection, or it.
 * - Costs one timer and no promise a chunk. Keeps `options` as they are, so that very many splices can share them.
 *
 * @example A proxy
 * ```ts
 * import assert from "node:assert/strict";
 * import { memoryNetwork, splice } from "chorus";
 *
 * const { driver } = memoryNetwork();
 * const quiet = { data: () => undefined, close: () => undefined };
 * const [server, proxy] = [{ host: "server", port: 1 }, { host: "proxy", port: 1 }];
 * await using _ = await driver.listen(server, (connection) => {
 *   connection.write(new TextEncoder().encode("hello"));
 *   connection.end();
 *   return quiet;
 * });
 * await using __ = await driver.listen(proxy, (client) => {
 *   client.pause();
 *   void driver.connect(server, quiet).then((backend) => splice(client, backend));
 *   return quiet;
 * });
 * const answer = Promise.withResolvers<string>();
 * await driver.connect(proxy, {
 *   data: (_, chunk) => answer.resolve(new TextDecoder().decode(chunk)),
 *   end: (connection) => connection.end(),
 *   close: () => undefined,
 * });
 * assert.equal(await answer.promise, "hello");
 * ```
 *
 * @param handler Told when it is over: for very many splices less than a promise each. Absent: nobody.
 */
export function splice(
  a: Connection,
  b: Connection,
  options: SpliceOptions = {},
  handler?: SpliceHandler,
): Splice {
  return new Pair(a, b, options, handler);
}

const IDLE_TIMEOUT_MS = 3_600_000;
const HALF_CLOSE_TIMEOUT_MS = 30_000;

class Pair implements Splice, ConnectionHandler {
  readonly #a: Connection;
  readonly #b: Connection;
  readonly #options: SpliceOptions;
  readonly #handler: SpliceHandler | undefined;
  readonly #readFromA: number;
  readonly #readFromB: number;
  #closed: PromiseWithResolvers<SpliceResult> | undefined;
  #activeAt: number;
  #timer: Timer;
  #open = 2;
  #ended = 0;
  #outcome: Pick<SpliceResult, "reason" | "side" | "error"> | undefined;

  constructor(a: Connection, b: Connection, options: SpliceOptions, handler: SpliceHandler | undefined) {
    this.#a = a;
    this.#b = b;
    this.#options = options;
    this.#handler = handler;
    this.#readFromA = a.bytesRead;
    this.#readFromB = b.bytesRead;
    this.#activeAt = this.#clock.now();
    this.#timer = this.#clock.after(this.#idleTimeoutMs, () => this.#judge());
    a.handle(this);
    b.handle(this);
    if (a instanceof StreamConnection && b instanceof StreamConnection) {
      a.lendTo(b);
      b.lendTo(a);
    }
    a.resume();
    b.resume();
  }

  get closed(): Promise<SpliceResult> {
    this.#closed ??= Promise.withResolvers();
    if (this.#open === 0) this.#closed.resolve(this.#result());
    return this.#closed.promise;
  }

  get bytesFromA(): number {
    return this.#a.bytesRead - this.#readFromA;
  }

  get bytesFromB(): number {
    return this.#b.bytesRead - this.#readFromB;
  }

  get activeAt(): number {
    return this.#activeAt;
  }

  closeBoth(): void {
    this.#a.close();
    this.#b.close();
  }

  abortBoth(): void {
    this.#a.abort();
    this.#b.abort();
  }

  get #clock(): Clock {
    return this.#options.clock ?? systemClock;
  }

  get #idleTimeoutMs(): number {
    return this.#options.idleTimeoutMs ?? IDLE_TIMEOUT_MS;
  }

  get #halfCloseTimeoutMs(): number {
    return this.#options.halfCloseTimeoutMs ?? HALF_CLOSE_TIMEOUT_MS;
  }

  data(connection: Connection, chunk: Uint8Array): void {
    this.#activeAt = this.#clock.now();
    if (!this.#other(connection).write(chunk)) connection.pause();
  }

  drain(connection: Connection): void {
    this.#activeAt = this.#clock.now();
    this.#other(connection).resume();
  }

  end(connection: Connection): void {
    this.#activeAt = this.#clock.now();
    this.#other(connection).end();
    this.#ended += 1;
    this.#timer.cancel();
    this.#arm();
  }

  close(connection: Connection, reason: CloseReason, error?: Error): void {
    this.#open -= 1;
    this.#blame(reason, reason === "finished" ? undefined : this.#side(connection), error);
    if (this.#open === 0) this.#finish();
    else this.#passOn(reason, this.#other(connection));
  }

  #passOn(reason: CloseReason, other: Connection): void {
    switch (reason) {
      case "finished":
        // The other side has been told to end, and is over once it has taken all. Unless this one was over from the start.
        if (this.#ended < 2) other.close();
        break;
      case "closed":
        other.close();
        break;
      case "aborted":
      case "reset":
      case "failed":
        other.abort();
    }
  }

  #other(connection: Connection): Connection {
    return connection === this.#a ? this.#b : this.#a;
  }

  #side(connection: Connection): "a" | "b" {
    return connection === this.#a ? "a" : "b";
  }

  /** Keeps the first reason that is more than an orderly end. */
  #blame(reason: SpliceReason, side: "a" | "b" | undefined, error?: Error): void {
    if (this.#outcome === undefined || this.#outcome.reason === "finished")
      this.#outcome = { reason, side, error };
  }

  #finish(): void {
    this.#timer.cancel();
    const result = this.#result();
    this.#closed?.resolve(result);
    this.#handler?.spliceClosed(result);
  }

  #result(): SpliceResult {
    const outcome = this.#outcome ?? { reason: "finished", side: undefined, error: undefined };
    return { ...outcome, bytesFromA: this.bytesFromA, bytesFromB: this.bytesFromB };
  }

  #arm(): void {
    const now = this.#clock.now();
    const step = this.#ended > 0 ? this.#halfCloseTimeoutMs : this.#idleTimeoutMs;
    const delayMs = this.#activeAt + step - now;
    this.#timer = this.#clock.after(delayMs > 0 ? delayMs : step, () => this.#judge());
  }

  /** Bytes move without touching the timer; when it fires, what has moved meanwhile counts. */
  #judge(): void {
    // Bytes that wait show that a reader is slow, not that a side has gone.
    const isWaiting = this.#a.queuedBytes + this.#b.queuedBytes > 0;
    const isHalfClosed = this.#ended > 0;
    const limitMs = isHalfClosed && !isWaiting ? this.#halfCloseTimeoutMs : this.#idleTimeoutMs;
    if (this.#clock.now() - this.#activeAt < limitMs) {
      this.#arm();
      return;
    }
    this.#blame(isHalfClosed ? "half_close_timeout" : "idle_timeout", undefined);
    this.abortBoth();
  }
}
