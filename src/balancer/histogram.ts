/** What a {@linkcode Histogram} has counted. */
export interface HistogramSnapshot {
  /** How many values were at most `bounds[i]`, for each bound; values above the last one are in `count` only. */
  readonly counts: readonly number[];
  readonly bounds: readonly number[];
  readonly sum: number;
  readonly count: number;
}

/** Counts values by size. Costs a few additions a value, and one number a bound. */
export class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;
  #count = 0;

  /** @param bounds The upper bounds of the buckets, inclusive, rising. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Array<number>(bounds.length).fill(0);
  }

  /** The sum of all values. */
  get sum(): number {
    return this.#sum;
  }

  /** How many there were. */
  get count(): number {
    return this.#count;
  }

  add(value: number): void {
    this.#sum += value;
    this.#count += 1;
    for (let index = 0; index < this.#bounds.length; index++) {
      if (value > (this.#bounds[index] ?? 0)) continue;
      this.#counts[index] = (this.#counts[index] ?? 0) + 1;
      return;
    }
  }

  /** Adds what another one with the same bounds has counted since `before`. */
  absorb(now: HistogramSnapshot, before: HistogramSnapshot | undefined): void {
    this.#sum += now.sum - (before?.sum ?? 0);
    this.#count += now.count - (before?.count ?? 0);
    let below = 0;
    for (let index = 0; index < this.#counts.length; index++) {
      const since = (now.counts[index] ?? 0) - (before?.counts[index] ?? 0);
      this.#counts[index] = (this.#counts[index] ?? 0) + since - below;
      below = since;
    }
  }

  /** What was counted so far, cumulated as Prometheus has it. */
  snapshot(): HistogramSnapshot {
    let below = 0;
    const counts = this.#counts.map((count) => {
      below += count;
      return below;
    });
    return { counts, bounds: this.#bounds, sum: this.#sum, count: this.#count };
  }
}
