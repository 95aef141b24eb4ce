/** The words that hold `capacity` bits, and above them, level by level, one bit for each word that is not empty. */
function layOut(capacity: number): Int32Array[] {
  const levels: Int32Array[] = [];
  let bits = capacity;
  do {
    bits = Math.ceil(bits / 32);
    levels.push(new Int32Array(bits));
  } while (bits > 1);
  return levels;
}

function lowestBit(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}

/**
 * A set of small whole numbers that finds the next member after any number.
 *
 * Each operation takes at most log32 of the largest number steps, and most take one. Grows by itself; takes a
 * little more than one bit for each number below the largest.
 */
export class NumberSet {
  #levels: readonly Int32Array[];
  #capacity: number;

  /** @param capacity Below which the numbers stay, if known. More is taken all the same. */
  constructor(capacity = 32) {
    this.#capacity = Math.max(32, capacity);
    this.#levels = layOut(this.#capacity);
  }

  /** Does nothing when `number` is a member. */
  add(number: number): void {
    if (number >= this.#capacity) this.#grow(number + 1);
    let place = number;
    for (const level of this.#levels) {
      const word = place >>> 5;
      const before = level[word] ?? 0;
      level[word] = before | (1 << (place & 31));
      if (before !== 0) return;
      place = word;
    }
  }

  /** Does nothing when `number` is not a member. */
  delete(number: number): void {
    if (number >= this.#capacity) return;
    let place = number;
    for (const level of this.#levels) {
      const word = place >>> 5;
      const after = (level[word] ?? 0) & ~(1 << (place & 31));
      level[word] = after;
      if (after !== 0) return;
      place = word;
    }
  }

  /** The smallest member that is at least `from`; -1 when there is none. */
  next(from: number): number {
    let place = from;
    for (let height = 0; height < this.#levels.length; height++) {
      const word = place >>> 5;
      const bits = (this.#levels[height]?.[word] ?? 0) & (-1 << (place & 31));
      if (bits !== 0) return this.#descend(height, word * 32 + lowestBit(bits));
      place = word + 1;
    }
    return -1;
  }

  #descend(height: number, place: number): number {
    let found = place;
    for (let below = height - 1; below >= 0; below--)
      found = found * 32 + lowestBit(this.#levels[below]?.[found] ?? 0);
    return found;
  }

  #grow(needed: number): void {
    const old = this.#levels[0] ?? new Int32Array();
    this.#capacity = Math.max(needed, this.#capacity * 2);
    this.#levels = layOut(this.#capacity);
    this.#levels[0]?.set(old);
    for (let height = 1; height < this.#levels.length; height++) {
      const below = this.#levels[height - 1] ?? [];
      const level = this.#levels[height] ?? [];
      for (let word = 0; word < below.length; word++)
        if (below[word] !== 0) level[word >>> 5] = (level[word >>> 5] ?? 0) | (1 << (word & 31));
    }
  }
}
