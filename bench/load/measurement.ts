import process from "node:process";

/** What a load came to. */
export interface Measured {
  readonly seconds: number;
  /** How many times were taken. */
  readonly count: number;
  /** Half of them were shorter. */
  readonly p50Ms: number;
  /** 99 of 100 were shorter. */
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Processor time of the load itself, in microseconds. */
  readonly cpuUs: number;
}

/** Options for {@linkcode Measurement.run}. */
export interface MeasurementOptions {
  readonly warmUpMs: number;
  readonly measureMs: number;
}

/** The longest wait for the first thing that is done, where a machine is busy. */
const MOST_FIRST_MS = 10_000;

/** Takes the times that a load reports, but for those of the warm-up and those after the end. */
export class Measurement {
  readonly #tookMs: number[] = [];
  readonly #first = Promise.withResolvers<void>();
  #phase: "warming up" | "measuring" | "over" = "warming up";

  get isMeasuring(): boolean {
    return this.#phase === "measuring";
  }

  /** Whether the load is to stop. */
  get isOver(): boolean {
    return this.#phase === "over";
  }

  /** Counts something and how long it took. */
  take(ms: number): void {
    if (this.isMeasuring) this.#tookMs.push(ms);
    else this.#first.resolve();
  }

  /**
   * Waits until the measurement is over, and prints `measuring` when the warm-up is: that lasts until something was done, but not longer than
   * ten seconds.
   */
  async run({ warmUpMs, measureMs }: MeasurementOptions): Promise<Measured> {
    await Promise.all([wait(warmUpMs), Promise.race([this.#first.promise, wait(MOST_FIRST_MS)])]);
    process.stdout.write("measuring\n");
    this.#phase = "measuring";
    const startedAt = performance.now();
    const before = process.cpuUsage();
    await wait(measureMs);
    this.#phase = "over";
    const seconds = (performance.now() - startedAt) / 1000;
    const { user, system } = process.cpuUsage(before);
    const sorted = Float64Array.from(this.#tookMs).sort();
    return {
      seconds,
      count: sorted.length,
      p50Ms: percentile(sorted, 0.5),
      p99Ms: percentile(sorted, 0.99),
      maxMs: percentile(sorted, 1),
      cpuUs: user + system,
    };
  }
}

/** The value that a share of the others, which are sorted, do not exceed; NaN when there are none. */
export function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Resolves after a time. */
export function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
