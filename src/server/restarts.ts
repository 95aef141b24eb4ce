import { backoff } from "../async/mod.ts";

/** How long to wait before what has ended is started again: not at all the first time, then delays that double up to 5 s. */
export class Restarts {
  #delays: ReturnType<typeof backoff> | undefined;

  /** The delay after one more end, in milliseconds. */
  nextDelayMs(): number {
    if (this.#delays) return this.#delays.next().value;
    this.#delays = backoff({ firstMs: 250 });
    return 0;
  }

  /** It has started well: the next delay is the first one again. */
  settle(): void {
    this.#delays = undefined;
  }
}
