/** A timer that was set with a {@linkcode Clock}. */
export interface Timer {
  /** Ends the timer. Does nothing when it has fired or was canceled before. */
  cancel(): void;
}

/** Time as a parameter, so that what waits can be tested without waiting. */
export interface Clock {
  /** Milliseconds since an unspecified start; never goes backwards. For durations. */
  now(): number;
  /** Milliseconds since 1970-01-01 UTC; may jump. For what people read. */
  wallNow(): number;
  /** Calls `callback` once after `delayMs`. The timer keeps the process alive. */
  after(delayMs: number, callback: () => void): Timer;
}

/** The clock of this machine. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  after(delayMs, callback) {
    const handle = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(handle) };
  },
};

interface PendingTimer {
  readonly at: number;
  readonly callback: () => void;
}

/**
 * A clock that stands still until it is told to go on.
 *
 * @example A timer fires when its time has come
 * ```ts
 * import assert from "node:assert/strict";
 * import { ManualClock } from "chorus";
 *
 * const clock = new ManualClock();
 * let fired = 0;
 * clock.after(100, () => fired++);
 * clock.advance(99);
 * assert.equal(fired, 0);
 * clock.advance(1);
 * assert.equal(fired, 1);
 * ```
 */
export class ManualClock implements Clock {
  #now = 0;
  readonly #wallStart: number;
  readonly #timers = new Set<PendingTimer>();

  /** Starts at 0. @param wallStart The wall time at the start, in milliseconds since 1970. */
  constructor(wallStart = 1_700_000_000_000) {
    this.#wallStart = wallStart;
  }

  /** How many timers are set. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Milliseconds that it was moved on by. */
  now(): number {
    return this.#now;
  }

  /** Milliseconds since 1970, as far as it was moved on. */
  wallNow(): number {
    return this.#wallStart + this.#now;
  }

  /** Calls `callback` once it was moved on by `delayMs`. */
  after(delayMs: number, callback: () => void): Timer {
    const timer = { at: this.#now + Math.max(0, delayMs), callback };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  /** Moves time forward and fires the timers due on the way, in the order of their times. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let next = this.#nextDue(end); next; next = this.#nextDue(end)) {
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.callback();
    }
    this.#now = end;
  }

  #nextDue(end: number): PendingTimer | undefined {
    let due: PendingTimer | undefined;
    for (const timer of this.#timers) {
      if (timer.at <= end && (due === undefined || timer.at < due.at)) due = timer;
    }
    return due;
  }
}
