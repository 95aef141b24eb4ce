import { type Clock, systemClock } from "./clock.ts";

/**
 * Counts what is inside of something that will be emptied, such as the connections of a server that drains.
 *
 * @example A server that waits for its last client
 * ```ts
 * import assert from "node:assert/strict";
 * import { Occupancy } from "chorus";
 *
 * const clients = new Occupancy();
 * clients.enter();
 * clients.enter();
 * const drained = clients.emptied(10_000, () => assert.fail("too slow"));
 * clients.leave();
 * assert.equal(clients.count, 1);
 * clients.leave();
 * await drained;
 * ```
 */
export class Occupancy {
  #count = 0;
  readonly #waiting = new Set<() => void>();

  /** How many are inside. */
  get count(): number {
    return this.#count;
  }

  /** One more is inside. */
  enter(): void {
    this.#count += 1;
  }

  /** One has left. */
  leave(): void {
    this.#count -= 1;
    if (this.#count > 0) return;
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  /** Resolves once nobody is inside. */
  async empty(): Promise<void> {
    if (this.#count === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    await promise;
  }

  /** As {@linkcode empty}. When that takes longer than `graceMs`, `onLate` is called, which is to see to it that the rest leave. */
  async emptied(graceMs: number, onLate: () => void, clock: Clock = systemClock): Promise<void> {
    if (this.#count === 0) return;
    const timer = clock.after(graceMs, onLate);
    await this.empty();
    timer.cancel();
  }
}
