import type { Clock } from "./clock.ts";

/** Keys that a {@linkcode Cooldown} remembers at most; beyond them the one that was taken first is forgotten. */
const MAX_KEYS = 100;

/**
 * Lets each of some things happen once, and then not again for a while: what would fill a log is told now and then. Remembers 100 of them; beyond
 * that the one that happened first may happen again.
 *
 * @example A failure that is told once in ten seconds
 * ```ts
 * import assert from "node:assert/strict";
 * import { Cooldown, ManualClock } from "chorus";
 *
 * const clock = new ManualClock();
 * const cooldown = new Cooldown(10_000, clock);
 * const told: string[] = [];
 * const tell = (failure: string): void => {
 *   if (cooldown.take(failure)) told.push(failure);
 * };
 * for (const failure of ["disk full", "disk full", "disk gone"]) tell(failure);
 * clock.advance(10_000);
 * tell("disk full");
 * assert.deepEqual(told, ["disk full", "disk gone", "disk full"]);
 * ```
 */
export class Cooldown {
  readonly #restMs: number;
  readonly #clock: Clock;
  /** When each was taken last, in that order. */
  readonly #takenAt = new Map<string, number>();

  /**
   * Every key is due.
   *
   * @param restMs For how long a key is not due again, in milliseconds.
   */
  constructor(restMs: number, clock: Clock) {
    this.#restMs = restMs;
    this.#clock = clock;
  }

  /** Whether a key is due. If so, it is not for a while. */
  take(key: string): boolean {
    const taken = this.#takenAt;
    const now = this.#clock.now();
    if (now - (taken.get(key) ?? Number.NEGATIVE_INFINITY) < this.#restMs) return false;
    // Behind the others.
    taken.delete(key);
    taken.set(key, now);
    const [first] = taken.keys();
    if (taken.size > MAX_KEYS && first !== undefined) taken.delete(first);
    return true;
  }
}
