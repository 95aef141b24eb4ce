import type { Timer } from "../../async/mod.ts";
import type { TableEntry } from "./contract.ts";
import type { ConnectionTable } from "./table.ts";

/** Options for {@linkcode limitAge}. */
export interface AgeOptions {
  /** How old a connection may become, in milliseconds, 10 % more or less. */
  readonly maxAgeMs: number;
  /** Only those of the pool of that name. @default {all} */
  readonly pool?: string | undefined;
  /** Source of randomness, 0 up to but not including 1. @default {Math.random} */
  readonly random?: (() => number) | undefined;
}

/** The part of the age by which connections differ, up and down. */
const JITTER = 0.1;
/** The shortest and the longest time between two looks at the table. */
const LOOK_MS = { least: 10, most: 1000 } as const;
/** Looks at the table in the time over which those of one moment are spread. */
const LOOKS = 20;
/** Half of the ratio of the golden section: multiples of it, without their whole parts, are spread evenly. */
const GOLDEN = 0.618_033_988_749_894_9;

/**
 * Closes connections that have become too old, with reason `max_age`, until disposed. So servers that came later get their share, and what
 * a connection holds is given back.
 *
 * - Connections that came together do not go together: each has an age of its own within 10 % of the limit, which differs from one balancer
 *   to the next.
 * - Those that are older already when the limit begins are closed spread over a fifth of it, not all at once.
 * - Costs one timer, and every second at most a look at those that have nine tenths of the age.
 *
 * @throws {RangeError} when `maxAgeMs` is not positive.
 */
export function limitAge(table: ConnectionTable, options: AgeOptions): Disposable {
  const { maxAgeMs } = options;
  if (!(maxAgeMs > 0))
    throw new RangeError(`Cannot limit age: maxAgeMs must be positive, received ${maxAgeMs}`);
  return new AgeLimit(table, options);
}

class AgeLimit implements Disposable {
  readonly #table: ConnectionTable;
  readonly #options: AgeOptions;
  /** Where this limiter begins in the sequence of jitters. */
  readonly #phase: number;
  readonly #startedAt: number;
  readonly #lookMs: number;
  #timer: Timer;

  constructor(table: ConnectionTable, options: AgeOptions) {
    const { maxAgeMs, random = Math.random } = options;
    this.#table = table;
    this.#options = options;
    this.#phase = random();
    this.#startedAt = table.clock.now();
    const spreadMs = 2 * JITTER * maxAgeMs;
    this.#lookMs = Math.max(LOOK_MS.least, Math.min(LOOK_MS.most, spreadMs / LOOKS));
    this.#timer = this.#later();
  }

  [Symbol.dispose](): void {
    this.#timer.cancel();
  }

  #later(): Timer {
    return this.#table.clock.after(this.#lookMs, () => this.#look());
  }

  #look(): void {
    const now = this.#table.clock.now();
    const { maxAgeMs, pool } = this.#options;
    const youngest = now - maxAgeMs * (1 - JITTER);
    for (const entry of this.#table.entries()) {
      // Those that follow are younger.
      if (entry.openedAt > youngest) break;
      if (pool !== undefined && entry.pool !== pool) continue;
      if (entry.state === "open" && now >= this.#dueAt(entry)) entry.end("max_age");
    }
    this.#timer = this.#later();
  }

  /** From its number, so that nothing has to be kept for each. */
  #dueAt({ serial, openedAt }: TableEntry): number {
    const share = (this.#phase + serial * GOLDEN) % 1;
    const { maxAgeMs } = this.#options;
    const jitteredMs = maxAgeMs * (1 - JITTER + 2 * JITTER * share);
    return Math.max(openedAt + jitteredMs, this.#startedAt + jitteredMs - maxAgeMs * (1 - JITTER));
  }
}
