import type { Clock, Timer } from "../../async/mod.ts";
import { type HeartbeatOptions, INTERVAL_MS, THRESHOLD } from "../heartbeat/heartbeat.ts";

/** How long a backend is held the first time; the second time twice as long, and so on. */
const HOLD_MS = 10_000;
const MAX_HOLD_MS = 300_000;
/** So long after its last hold a backend begins with the first time again. */
const FORGET_MS = 300_000;
/** Failures that are further apart, or further than this many intervals, are not of one row. */
const ROW_MS = 30_000;
const ROW_INTERVALS = 3;

/** What clients have had to complain of. */
interface Offense {
  /** Failures in a row. */
  row: number;
  /** When the last of them was counted. */
  countedAt: number;
  /** Holds without a long pause between them. */
  holds: number;
  /** When the last of them was over. */
  releasedAt: number;
  /** Set while it is held. */
  timer: Timer | undefined;
}

/** Something that is held back. */
interface Holdable {
  isHeld: boolean;
}

/**
 * Holds backends back because of the failures of their clients, for a time that grows.
 *
 * Knows only those whose clients have failed, and forgets one when it is told to.
 */
export class Suspension<B extends Holdable> {
  readonly #clock: Clock;
  readonly #onOver: (backend: B) => void;
  readonly #offenses = new Map<B, Offense>();
  #held = 0;

  /** @param onOver Called when the time of a backend is over, which is still to be released. */
  constructor(clock: Clock, onOver: (backend: B) => void) {
    this.#clock = clock;
    this.#onOver = onOver;
  }

  /** How many are held. */
  get held(): number {
    return this.#held;
  }

  /** Counts a failure, one at most in an interval. @returns Whether the heartbeat's threshold of them in a row is reached. */
  failed(backend: B, options: HeartbeatOptions): boolean {
    const { threshold = THRESHOLD, intervalMs = INTERVAL_MS } = options;
    const now = this.#clock.now();
    const offense = this.#offenseOf(backend);
    if (offense.timer) return false;
    const since = now - offense.countedAt;
    if (since > Math.max(ROW_MS, ROW_INTERVALS * intervalMs)) offense.row = 0;
    if (offense.row === 0 || since >= intervalMs) {
      offense.row += 1;
      offense.countedAt = now;
    }
    return offense.row >= threshold;
  }

  /** The failures so far are of no row. */
  served(backend: B): void {
    const offense = this.#offenses.get(backend);
    if (offense) offense.row = 0;
  }

  /** Holds a backend whose clients have failed. */
  hold(backend: B): void {
    const offense = this.#offenseOf(backend);
    if (offense.timer) return;
    const isLongAgo = this.#clock.now() - offense.releasedAt >= FORGET_MS;
    offense.holds = isLongAgo ? 1 : offense.holds + 1;
    offense.row = 0;
    this.#held += 1;
    backend.isHeld = true;
    offense.timer = this.#clock.after(Math.min(MAX_HOLD_MS, HOLD_MS * offense.holds), () =>
      this.#onOver(backend),
    );
  }

  /** Ends a hold; one that ends before its time counts all the same. Does nothing when there is none. */
  release(backend: B): void {
    const offense = this.#offenses.get(backend);
    if (!offense?.timer) return;
    offense.timer.cancel();
    offense.timer = undefined;
    offense.releasedAt = this.#clock.now();
    this.#held -= 1;
    backend.isHeld = false;
  }

  /** Forgets all about a backend. */
  forget(backend: B): void {
    this.release(backend);
    this.#offenses.delete(backend);
  }

  #offenseOf(backend: B): Offense {
    let offense = this.#offenses.get(backend);
    if (!offense) {
      offense = { row: 0, countedAt: 0, holds: 0, releasedAt: Number.NEGATIVE_INFINITY, timer: undefined };
      this.#offenses.set(backend, offense);
    }
    return offense;
  }
}
