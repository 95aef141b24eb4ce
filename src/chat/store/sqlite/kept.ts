/**
 * A map that keeps some number of entries, those used last among them.
 *
 * Two halves, of which the older one is dropped when the younger one is full: no order has to be kept, and what is used goes back
 * to the younger one.
 */
export class Kept<V extends object> {
  readonly #half: number;
  #young = new Map<string, V>();
  #old = new Map<string, V>();

  /** @param size Entries kept at most; at least half as many of those used last are. */
  constructor(size: number) {
    this.#half = Math.ceil(size / 2);
  }

  get(key: string): V | undefined {
    const young = this.#young.get(key);
    if (young) return young;
    const old = this.#old.get(key);
    return old && this.set(key, old);
  }

  /** @returns `value`. */
  set(key: string, value: V): V {
    if (this.#young.size >= this.#half && !this.#young.has(key)) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
    return value;
  }

  delete(key: string): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }
}
