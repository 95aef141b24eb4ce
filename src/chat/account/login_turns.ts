import { Semaphore } from "../../async/mod.ts";

/** Logins of one server that are worked on at once: enough to fill a batch of the store, and few enough for the rest to be answered. */
const AT_ONCE = 32;

/**
 * Admits logins at the rate at which the server can do them, first come first served.
 *
 * When thousands come at once, because another server has died, they wait for their turn instead of for each other, and those who are
 * logged in are answered meanwhile. Who waits is bounded by the connections: each has one login under way.
 */
export class LoginTurns {
  readonly #turns: Semaphore;

  constructor(atOnce: number = AT_ONCE) {
    this.#turns = new Semaphore(atOnce, Number.POSITIVE_INFINITY);
  }

  /** Does the work of a login when it is its turn. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const running = this.#turns.tryRun(work);
    if (!running) throw new RangeError("Cannot wait for a turn: the line of waiting logins has no end");
    return running;
  }
}
