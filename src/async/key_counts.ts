/**
 * Counts what there is of each of some keys, such as the connections of each address. A key of which there is nothing any more is forgotten, so
 * that as many are held as are in use.
 *
 * @example At most two at once of each
 * ```ts
 * import assert from "node:assert/strict";
 * import { KeyCounts } from "chorus";
 *
 * const connections = new KeyCounts();
 * const enter = (host: string): boolean => connections.count(host) < 2 && connections.add(host) > 0;
 * assert.deepEqual(["a", "a", "a", "b"].map(enter), [true, true, false, true]);
 * connections.remove("a");
 * connections.remove("b");
 * assert.deepEqual([connections.count("a"), connections.size], [1, 1]);
 * ```
 */
export class KeyCounts {
  readonly #counts = new Map<string, number>();

  /** The keys of which there is something. */
  get size(): number {
    return this.#counts.size;
  }

  /** How many there are of a key. */
  count(key: string): number {
    return this.#counts.get(key) ?? 0;
  }

  /**
   * There is one more of a key.
   *
   * @returns How many there are of it now, this one included.
   */
  add(key: string): number {
    const count = this.count(key) + 1;
    this.#counts.set(key, count);
    return count;
  }

  /** There is one less of a key; of one that has none, nothing changes. */
  remove(key: string): void {
    const count = this.count(key) - 1;
    if (count > 0) this.#counts.set(key, count);
    else this.#counts.delete(key);
  }
}
