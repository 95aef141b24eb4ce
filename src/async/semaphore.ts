/**
 * Lets at most `permits` things happen at once and at most `maxWaiting` more wait for their turn, first come first served.
 *
 * @example One at a time, and one who waits
 * ```ts
 * import assert from "node:assert/strict";
 * import { Semaphore } from "chorus";
 *
 * const semaphore = new Semaphore(1, 1);
 * const first = semaphore.tryRun(async () => "first");
 * const second = semaphore.tryRun(async () => "second");
 * assert.equal(semaphore.tryRun(async () => "third"), undefined);
 * assert.deepEqual(await Promise.all([first, second]), ["first", "second"]);
 * ```
 */
export class Semaphore {
  readonly #permits: number;
  readonly #maxWaiting: number;
  readonly #waiting: (() => void)[] = [];
  #taken = 0;

  /** Gives out `permits` places. @param maxWaiting One more who would wait is refused. */
  constructor(permits: number, maxWaiting: number) {
    if (!(permits >= 1))
      throw new RangeError(`Cannot create semaphore: permits must be at least 1, received ${permits}`);
    this.#permits = permits;
    this.#maxWaiting = maxWaiting;
  }

  /**
   * Runs `work` when it is its turn.
   *
   * @returns What `work` gives, or undefined at once when too many wait already.
   */
  tryRun<T>(work: () => Promise<T>): Promise<T> | undefined {
    if (this.#taken >= this.#permits && this.#waiting.length >= this.#maxWaiting) return undefined;
    return this.#run(work);
  }

  async #run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#taken >= this.#permits) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#taken += 1;
    try {
      return await work();
    } finally {
      // A permit goes from hand to hand: it is only given back when nobody waits for it.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#taken -= 1;
    }
  }
}
