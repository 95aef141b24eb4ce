import type { Clock, Timer } from "../../async/mod.ts";
import type { ClosingReason } from "../end_reason.ts";
import type { SpreadProgress, TableEntry } from "./contract.ts";

/** Options for `ConnectionTable.closeSpread`. */
export interface SpreadOptions {
  readonly reason: ClosingReason;
  /** By when all are to be closed, in milliseconds from now. */
  readonly deadlineMs: number;
  /** The last part of the deadline, over which they are closed, in milliseconds; 0 closes all at the deadline. */
  readonly overMs: number;
  /**
   * How many clients are on their way and will be selected once they are there, such as those being dialed. It is not done before
   * there are none.
   *
   * @default {none}
   */
  readonly coming?: (() => number) | undefined;
  /** Source of randomness, 0 up to but not including 1. @default {Math.random} */
  readonly random?: (() => number) | undefined;
}

/** Connections that are being closed over a time. */
export interface Spread extends Disposable {
  readonly progress: SpreadProgress;
  /** Settles when none is left, or it was called off. Never rejects. */
  readonly done: Promise<void>;
  /** Calls it off: those that were not closed yet go on. */
  [Symbol.dispose](): void;
}

const MAX_OVER_MS = 60_000;
const MIN_OVER_MS = 1000;

/**
 * The last part of a drain's deadline, over which the connections that are left are closed, in milliseconds: a tenth of it, at least a
 * second and at most a minute, and never more than the whole.
 *
 * Until then connections are left to end by themselves.
 */
export function lastPartMs(deadlineMs: number): number {
  return Math.min(deadlineMs, Math.max(MIN_OVER_MS, Math.min(deadlineMs / 10, MAX_OVER_MS)));
}

/** The shortest time between two turns of closing, before jitter. */
const TURN_MS = 100;
/** How often it is asked who is selected. */
const SELECT_MS = 1000;
/** The most that are closed in one turn. */
const MAX_BATCH = 1000;

/** Those that are to be closed, as of the last time that it was asked. */
interface Selection {
  readonly at: number;
  readonly entries: readonly TableEntry[];
  /** The entries before this one have been closed or were over. */
  next: number;
}

/** A spread of a table, which tells it when to `start` and when someone has left. */
export class RunningSpread implements Spread {
  readonly done: Promise<void>;
  readonly #select: () => Iterable<TableEntry>;
  readonly #options: SpreadOptions;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #resolve: () => void;
  readonly #beginsAt: number;
  readonly #endsAt: number;
  #selection: Selection = { at: Number.NEGATIVE_INFINITY, entries: [], next: 0 };
  #total = 0;
  #timer: Timer | undefined;
  #wakesAt = Number.POSITIVE_INFINITY;
  /** When the next ones are to be closed, and how many. */
  #closesAt: number;
  #planned = 0;
  #isOver = false;

  constructor(select: () => Iterable<TableEntry>, options: SpreadOptions, clock: Clock, onOver: () => void) {
    const { deadlineMs, overMs, random = Math.random } = options;
    this.#select = select;
    this.#options = options;
    this.#clock = clock;
    this.#random = random;
    this.#endsAt = clock.now() + Math.max(0, deadlineMs);
    this.#beginsAt = this.#endsAt - Math.min(Math.max(0, overMs), Math.max(0, deadlineMs));
    this.#closesAt = this.#beginsAt;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.done = promise;
    this.#resolve = () => {
      onOver();
      resolve();
    };
  }

  get progress(): SpreadProgress {
    const left = this.#isOver ? 0 : count(this.#select()) + this.#coming();
    const remainingMs = left === 0 ? 0 : Math.max(0, this.#endsAt - this.#clock.now());
    return { total: Math.max(this.#total, left), left, remainingMs };
  }

  /** Looks who is there. Only now, as the one who closes may be told at once that someone has left. */
  start(): void {
    this.#total = count(this.#select()) + this.#coming();
    this.#turn();
  }

  /** Somebody has left the table: it may have been the last. */
  someoneLeft(): void {
    if (!this.#isOver) this.#wakeAt(this.#clock.now() + TURN_MS);
  }

  [Symbol.dispose](): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#selection = { at: 0, entries: [], next: 0 };
    this.#resolve();
  }

  #coming(): number {
    return Math.max(0, this.#options.coming?.() ?? 0);
  }

  #isEmpty(): boolean {
    for (const _ of this.#select()) return false;
    return this.#coming() === 0;
  }

  #wakeAt(at: number): void {
    if (at >= this.#wakesAt) return;
    this.#timer?.cancel();
    this.#wakesAt = at;
    this.#timer = this.#clock.after(Math.max(0, at - this.#clock.now()), () => this.#turn());
  }

  #turn(): void {
    this.#timer?.cancel();
    this.#wakesAt = Number.POSITIVE_INFINITY;
    const now = this.#clock.now();
    if (now >= this.#closesAt) this.#closeDue(now);
    if (this.#isOver) return;
    if (this.#isEmpty()) {
      this[Symbol.dispose]();
      return;
    }
    this.#wakeAt(Math.max(this.#closesAt, now));
    // Nobody tells when those give up.
    if (this.#coming() > 0) this.#wakeAt(now + SELECT_MS);
  }

  /** Closes those whose turn it is, and plans the next turn. */
  #closeDue(now: number): void {
    const isLate = now >= this.#endsAt;
    if (isLate || now - this.#selection.at >= SELECT_MS || this.#left() === 0) this.#reselect(now);
    this.#close(isLate ? MAX_BATCH : this.#planned);
    const left = this.#left();
    if (isLate) {
      this.#planned = 0;
      // Those that come late are looked for, but not all the time.
      this.#closesAt = left > 0 ? now : now + SELECT_MS;
      return;
    }
    const gapMs = (this.#endsAt - now) / (left + 1);
    const stepMs = left > 0 ? gapMs : Math.min(gapMs, SELECT_MS);
    const waitMs = Math.max(TURN_MS, stepMs) * (0.5 + this.#random());
    // A turn that is longer than a gap closes several: as many as there are gaps in it, on average.
    this.#planned = gapMs >= TURN_MS ? 1 : Math.floor(waitMs / gapMs + this.#random());
    this.#closesAt = Math.min(this.#endsAt, now + waitMs);
  }

  /** About how many are still to be closed. */
  #left(): number {
    return this.#selection.entries.length - this.#selection.next;
  }

  #reselect(now: number): void {
    const entries: TableEntry[] = [];
    for (const entry of this.#select()) if (entry.state === "open") entries.push(entry);
    this.#selection = { at: now, entries, next: 0 };
  }

  /** Closes the next `most` that are still open. */
  #close(most: number): void {
    const selection = this.#selection;
    for (let closed = 0; closed < most && selection.next < selection.entries.length; ) {
      const entry = selection.entries[selection.next];
      selection.next += 1;
      if (entry?.state !== "open") continue;
      closed += 1;
      entry.end(this.#options.reason);
    }
  }
}

function count(entries: Iterable<unknown>): number {
  let sum = 0;
  for (const _ of entries) sum += 1;
  return sum;
}
