import type { ReadLimits } from "./contract.ts";

/** Counts what a read has given against its limits. The first entry is always within them. */
export class Budget {
  #count: number;
  #bytes: number;
  #isUntouched = true;

  constructor(limits: ReadLimits) {
    this.#count = Math.max(1, limits.count);
    this.#bytes = limits.bytes;
  }

  /** How many entries may still be taken. */
  get count(): number {
    return this.#count;
  }

  /** @returns False when an entry of that size no longer fits: the read is over. */
  take(bytes: number): boolean {
    if (this.#count === 0 || (bytes > this.#bytes && !this.#isUntouched)) return false;
    this.#isUntouched = false;
    this.#count -= 1;
    this.#bytes -= bytes;
    return true;
  }
}
