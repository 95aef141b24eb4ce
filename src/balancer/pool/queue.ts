import type { Clock, Timer } from "../../async/mod.ts";

/** Options for the queue of a pool. */
export interface QueueOptions {
  /** How many clients wait at most; 0 for none. @default {1000} */
  readonly limit?: number | undefined;
  /** How long a client waits at most, in milliseconds. @default {5000} */
  readonly timeoutMs?: number | undefined;
}

/** Refuses options that are none. @throws {RangeError} with a sentence that says what is wrong. */
export function checkQueue(action: string, { limit = 0, timeoutMs = 1 }: QueueOptions = {}): void {
  if (!(Number.isInteger(limit) && limit >= 0))
    throw new RangeError(
      `Cannot ${action}: the queue's limit must be a whole number of at least 0, received ${limit}`,
    );
  if (!(timeoutMs > 0 && timeoutMs < 2 ** 31))
    throw new RangeError(
      `Cannot ${action}: the queue's timeoutMs must be positive and below 2^31, received ${timeoutMs}`,
    );
}

/** One who waits. */
export interface Waiting<R, T> {
  /** What for. */
  readonly request: R;
  /** Ends the wait, who leaves the queue; later calls do nothing. */
  settle(outcome: T | "queue_timeout" | undefined): void;
}

/** Options for {@linkcode Queue.wait}. */
export interface WaitingOptions extends QueueOptions {
  readonly signal: AbortSignal;
}

/**
 * Those who wait for something, first come, first served.
 *
 * Everybody in it has a timer and listens to a signal of their own, and leaves both behind when they go.
 */
export class Queue<R, T> {
  readonly #clock: Clock;
  readonly #waiting = new Set<Waiting<R, T>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many wait. */
  get size(): number {
    return this.#waiting.size;
  }

  /**
   * Waits at the end of the queue.
   *
   * @returns What is served; `queue_full` at once; `queue_timeout`; undefined when all were sent away.
   * @throws The signal's reason.
   */
  wait(request: R, options: WaitingOptions): Promise<T | "queue_full" | "queue_timeout" | undefined> {
    const { limit = 1000, timeoutMs = 5000, signal } = options;
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.#waiting.size >= limit) return Promise.resolve("queue_full");
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(waiting);
        timer.cancel();
        signal.removeEventListener("abort", onAbort);
      };
      const settle = (outcome: T | "queue_timeout" | undefined): void => {
        leave();
        resolve(outcome);
      };
      const onAbort = (): void => {
        leave();
        reject(signal.reason);
      };
      const waiting: Waiting<R, T> = { request, settle };
      const timer: Timer = this.#clock.after(timeoutMs, () => settle("queue_timeout"));
      signal.addEventListener("abort", onAbort, { once: true });
      this.#waiting.add(waiting);
    });
  }

  /** The one who waits longest of those whose request `isFor` says yes to. */
  first(isFor: (request: R) => boolean): Waiting<R, T> | undefined {
    for (const waiting of this.#waiting) if (isFor(waiting.request)) return waiting;
    return undefined;
  }

  /** Ends the wait of all with undefined. */
  sendAway(): void {
    for (const waiting of this.#waiting) waiting.settle(undefined);
  }
}
