import type { Clock } from "../../async/mod.ts";
import type { Pool } from "../pool/pool.ts";
import { INTERVAL_MS, shortestIntervalMs } from "./heartbeat.ts";

/** Probes are so far apart, in milliseconds, or closer where they would not fit in an interval. */
const MAX_GAP_MS = 10;
/** How much faster than evenly over the shortest interval probes may follow each other. */
const HASTE = 1.25;
/** Probes that come together go out together if that is but so many milliseconds early. */
const SLACK_MS = 10;

/** Sees to it that the probes of a pool go out evenly, even where many are due at once. */
export class Pacer {
  readonly #pool: Pool;
  readonly #clock: Clock;
  readonly #random: () => number;
  /** When the next first probe may be sent, and the next one of all. */
  #firstFreeAt = 0;
  #freeAt = 0;

  constructor(pool: Pool, clock: Clock, random: () => number) {
    this.#pool = pool;
    this.#clock = clock;
    this.#random = random;
  }

  /** How long the next new backend waits until its first probe is due, in milliseconds: many are spread over the interval. */
  firstDelayMs(): number {
    const { intervalMs = INTERVAL_MS } = this.#pool.heartbeat;
    const now = this.#clock.now();
    const delay = Math.max(0, this.#firstFreeAt - now);
    // Many that come one by one would queue up for longer than an interval.
    if (delay > intervalMs) return this.#random() * intervalMs;
    this.#firstFreeAt = now + delay + Math.min(MAX_GAP_MS, intervalMs / this.#pool.size);
    return delay;
  }

  /**
   * Takes the next free moment for a probe that is due.
   *
   * @returns How long it is until then, in milliseconds; 0 for now.
   */
  take(): number {
    const now = this.#clock.now();
    const at = Math.max(now, this.#freeAt);
    const { size, heartbeat } = this.#pool;
    this.#freeAt = at + Math.min(MAX_GAP_MS, shortestIntervalMs(heartbeat) / (HASTE * Math.max(1, size)));
    return at - now > SLACK_MS ? at - now : 0;
  }
}
