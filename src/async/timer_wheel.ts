import type { Clock, Timer } from "./clock.ts";
import { LinkedList } from "./linked_list.ts";

/** Options for {@linkcode timerWheel}. */
export interface TimerWheelOptions {
  /** How late a timer may fire, in milliseconds. Longer costs less. @default {100} */
  tickMs?: number;
}

/** Slots of one level. A level's slot is as long as the whole level below. */
const SLOTS = 64;
const LEVELS = 6;
/** Ticks that the wheel reaches ahead. What is later waits in the last slot and is put in again. */
const REACH = SLOTS ** LEVELS;
/** The tick for which the timer is set while it is at work. */
const FIRING = Number.NEGATIVE_INFINITY;
const LENGTHS: readonly number[] = Array.from({ length: LEVELS }, (_, level) => SLOTS ** level);

/**
 * A clock for very many timers, most of which are canceled before they fire, such as idle timeouts: all of them share one timer of
 * `clock`, and there is none while none is pending.
 *
 * - Setting and canceling take the same time however many are pending, and however long they are.
 * - A timer fires never early and at most one tick later than `clock` would have fired it. Those of one tick fire in no particular order.
 * - A callback that throws breaks no other timer: the error is thrown again by a timer of `clock`.
 * - `now()` and `wallNow()` are those of `clock`, to its full precision.
 *
 * @example Two timeouts for the price of one
 * ```ts
 * import assert from "node:assert/strict";
 * import { ManualClock, timerWheel } from "chorus";
 *
 * const clock = new ManualClock();
 * const wheel = timerWheel(clock, { tickMs: 100 });
 * let fired = 0;
 * wheel.after(3_600_000, () => fired++);
 * wheel.after(50, () => fired++);
 * assert.equal(clock.pending, 1);
 * clock.advance(100);
 * assert.equal(fired, 1);
 * clock.advance(3_600_000);
 * assert.equal(fired, 2);
 * assert.equal(clock.pending, 0);
 * ```
 *
 * @throws {RangeError} when `tickMs` is not positive.
 */
export function timerWheel(clock: Clock, options: TimerWheelOptions = {}): Clock {
  const { tickMs = 100 } = options;
  if (!(tickMs > 0 && Number.isFinite(tickMs)))
    throw new RangeError(`Cannot create timer wheel: tickMs must be positive, received ${tickMs}`);
  return new TimerWheel(clock, tickMs);
}

/** The timers that wait for the same ticks. */
type Slot = LinkedList<WheelTimer, "before", "after">;

class WheelTimer implements Timer {
  /** The tick at which it fires. */
  readonly due: number;
  readonly callback: () => void;
  readonly #wheel: TimerWheel;
  /** Where it waits; undefined once it has fired or was canceled. */
  slot: Slot | undefined;
  /** Those beside it in its slot. */
  before: WheelTimer | undefined;
  after: WheelTimer | undefined;

  constructor(due: number, callback: () => void, wheel: TimerWheel) {
    this.due = due;
    this.callback = callback;
    this.#wheel = wheel;
  }

  cancel(): void {
    this.#wheel.take(this);
  }
}

/** Hierarchical: as time goes on, the timers of a slot are put into the finer slots of the level below. */
class TimerWheel implements Clock {
  readonly #clock: Clock;
  readonly #tickMs: number;
  readonly #origin: number;
  readonly #levels: readonly (readonly Slot[])[];
  /** The last tick whose timers were fired. */
  #tick = 0;
  #pending = 0;
  #timer: Timer | undefined;
  /** The tick for which the timer is set; those that are set for later do not touch it, and nobody does while timers are fired. */
  #armedFor = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, tickMs: number) {
    this.#clock = clock;
    this.#tickMs = tickMs;
    this.#origin = clock.now();
    const slot = (): Slot => new LinkedList("before", "after");
    this.#levels = LENGTHS.map(() => Array.from({ length: SLOTS }, slot));
  }

  now(): number {
    return this.#clock.now();
  }

  wallNow(): number {
    return this.#clock.wallNow();
  }

  after(delayMs: number, callback: () => void): Timer {
    const now = this.#clock.now();
    // Nobody has waited, so nothing was passed over.
    if (this.#pending === 0 && this.#timer === undefined)
      this.#tick = Math.max(this.#tick, this.#tickAt(now));
    const timer = new WheelTimer(this.#tickFrom(now + Math.max(0, delayMs)), callback, this);
    this.#put(timer);
    this.#pending += 1;
    if (this.#timer === undefined || timer.due < this.#armedFor) this.#arm(this.#nextTick());
    return timer;
  }

  /** Takes a timer out, if it is still in. */
  take(timer: WheelTimer): void {
    if (!timer.slot) return;
    timer.slot.delete(timer);
    timer.slot = undefined;
    this.#pending -= 1;
    if (this.#pending === 0 && this.#armedFor !== FIRING) this.#disarm();
  }

  /** The last tick that has come at a time. */
  #tickAt(time: number): number {
    const tick = Math.floor((time - this.#origin) / this.#tickMs);
    return this.#timeOf(tick + 1) <= time ? tick + 1 : tick;
  }

  /** The first tick that is not before a time, and is still to come. */
  #tickFrom(time: number): number {
    const tick = Math.ceil((time - this.#origin) / this.#tickMs);
    return Math.max(this.#tick + 1, this.#timeOf(tick) < time ? tick + 1 : tick);
  }

  #timeOf(tick: number): number {
    return this.#origin + tick * this.#tickMs;
  }

  #put(timer: WheelTimer): void {
    const ahead = Math.min(timer.due - this.#tick, REACH - 1);
    const level = LENGTHS.findLastIndex((length) => ahead >= length);
    const slot = this.#slot(Math.max(0, level), this.#tick + ahead);
    slot.add(timer);
    timer.slot = slot;
  }

  #slot(level: number, tick: number): Slot {
    const slot = this.#levels[level]?.[Math.floor(tick / (LENGTHS[level] ?? 1)) % SLOTS];
    if (!slot) throw new RangeError(`Cannot find a slot of the timer wheel: received tick ${tick}`);
    return slot;
  }

  #arm(tick: number): void {
    this.#timer?.cancel();
    this.#armedFor = tick;
    const delayMs = this.#timeOf(tick) - this.#clock.now();
    this.#timer = this.#clock.after(Math.max(0, delayMs), () => this.#wake());
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#armedFor = Number.POSITIVE_INFINITY;
  }

  #wake(): void {
    this.#armedFor = FIRING;
    const end = this.#tickAt(this.#clock.now());
    while (this.#tick < end && this.#pending > 0) {
      this.#tick += 1;
      this.#cascade();
      this.#fire(this.#slot(0, this.#tick));
    }
    if (this.#pending > 0) this.#arm(this.#nextTick());
    else this.#disarm();
  }

  /** Where a slot of a higher level begins now, its timers are put into the levels below. */
  #cascade(): void {
    for (let level = 1; level < LEVELS && this.#tick % (LENGTHS[level] ?? 1) === 0; level++) {
      const slot = this.#slot(level, this.#tick);
      for (const timer of [...slot]) {
        slot.delete(timer);
        this.#put(timer);
      }
    }
  }

  #fire(slot: Slot): void {
    // None is added meanwhile: what is set now is due a tick later at the earliest.
    for (let timer = slot.first; timer; timer = slot.first) {
      slot.delete(timer);
      timer.slot = undefined;
      this.#pending -= 1;
      try {
        timer.callback();
      } catch (error) {
        this.#clock.after(0, () => {
          throw error;
        });
      }
    }
  }

  /** The next tick with something to do: the first slot with timers, or the next cascade. */
  #nextTick(): number {
    const first = this.#tick + 1;
    const boundary = Math.ceil(first / SLOTS) * SLOTS;
    for (let tick = first; tick < boundary; tick++) if (this.#slot(0, tick).size > 0) return tick;
    return boundary;
  }
}
