import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { type Clock, ManualClock, systemClock, type Timer, timerWheel } from "../../src/async/mod.ts";
import { test } from "../testing.ts";

/** What is done to a wheel: some time passes, a timer is set, or one of those that were set is canceled. */
type Step =
  | { readonly kind: "advance"; readonly ms: number }
  | { readonly kind: "set"; readonly delayMs: number }
  | { readonly kind: "cancel"; readonly which: number };

const HOUR_MS = 3_600_000;
const delays = fc.oneof(fc.double({ min: 0, max: 200, noNaN: true }), fc.nat(20_000), fc.nat(40 * HOUR_MS));
const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant("advance" as const), ms: delays }),
  fc.record({ kind: fc.constant("set" as const), delayMs: delays }),
  fc.record({ kind: fc.constant("cancel" as const), which: fc.nat(30) }),
);

class Watched {
  readonly due: number;
  readonly #clock: ManualClock;
  readonly #timer: Timer;
  readonly #fired: number[] = [];
  #isCanceled = false;

  constructor(clock: ManualClock, wheel: Clock, delayMs: number) {
    this.#clock = clock;
    this.due = clock.now() + delayMs;
    this.#timer = wheel.after(delayMs, () => this.#fired.push(clock.now()));
  }

  get isWaiting(): boolean {
    return this.#fired.length === 0 && !this.#isCanceled;
  }

  cancel(): void {
    this.#isCanceled ||= this.#fired.length === 0;
    this.#timer.cancel();
  }

  check(tickMs: number): void {
    const now = this.#clock.now();
    const [at, ...more] = this.#fired;
    assertEquals(more, []);
    if (at === undefined)
      assert(this.#isCanceled || now < this.due + tickMs, `due at ${this.due}, not fired at ${now}`);
    else assert(at >= this.due && at <= this.due + tickMs, `due at ${this.due}, fired at ${at}`);
  }
}

test("every timer of a wheel fires once, never early and at most one tick late, whatever is set and canceled when", () => {
  const run = (todo: readonly Step[], tickMs: number): void => {
    const clock = new ManualClock();
    clock.advance(1234.5);
    // A tick of 0.3 ms over 40 hours would be half a billion of them.
    const scale = tickMs < 100 ? tickMs / 2000 : 1;
    const wheel = timerWheel(clock, { tickMs });
    const timers: Watched[] = [];
    const take: { readonly [Kind in Step["kind"]]: (step: Extract<Step, { kind: Kind }>) => void } = {
      advance: ({ ms }) => clock.advance(ms * scale),
      set: ({ delayMs }) => void timers.push(new Watched(clock, wheel, delayMs * scale)),
      cancel: ({ which }) => timers[which]?.cancel(),
    };
    const end: Step = { kind: "advance", ms: 41 * HOUR_MS };
    for (const step of [...todo, end]) {
      // Each kind has its own entry, which the type of an index cannot say.
      (take[step.kind] as (step: Step) => void)(step);
      for (const timer of timers) timer.check(tickMs);
      assertEquals(clock.pending, timers.some(({ isWaiting }) => isWaiting) ? 1 : 0);
    }
    assertEquals(clock.pending, 0);
  };
  const ticks = fc.constantFrom(1, 7, 100, 0.3);
  fc.assert(fc.property(fc.array(steps, { maxLength: 60 }), ticks, run), { numRuns: 200 });
});

test("timers that a timer of a wheel sets fire in their own time, at the same moment's end at the earliest", () => {
  const clock = new ManualClock();
  const wheel = timerWheel(clock, { tickMs: 10 });
  const times: number[] = [];
  const again = (): void => {
    times.push(clock.now());
    if (times.length < 5) wheel.after(times.length === 3 ? 0 : 25, again);
  };
  wheel.after(10, again);
  clock.advance(1000);
  assertEquals(times, [10, 40, 70, 80, 110]);
  assertEquals(clock.pending, 0);
});

test("a timer of a wheel that another one cancels in the same tick does not fire", () => {
  const clock = new ManualClock();
  const wheel = timerWheel(clock, { tickMs: 10 });
  let fired = 0;
  const first = wheel.after(5, () => {
    fired += 1;
    second.cancel();
  });
  const second = wheel.after(5, () => {
    fired += 1;
    first.cancel();
  });
  clock.advance(10);
  assertEquals([fired, clock.pending], [1, 0]);
});

test("a wheel whose clock stood still for long fires all that came due meanwhile, and sets what they set after it", () => {
  const clock = new ManualClock();
  let now = 0;
  // A clock whose timers are late, as those of a suspended machine.
  const late: Clock = {
    now: () => now,
    wallNow: () => now,
    after: (ms, callback) => clock.after(ms, callback),
  };
  const wheel = timerWheel(late, { tickMs: 10 });
  const fired: string[] = [];
  const last = wheel.after(5000, () => fired.push("never"));
  wheel.after(10, () => {
    last.cancel();
    wheel.after(5, () => fired.push("then"));
  });
  now = 645;
  clock.advance(10);
  assertEquals(fired, []);
  now = 655;
  clock.advance(15);
  assertEquals([fired, clock.pending], [["then"], 0]);
});

test("a timer of a wheel that throws keeps no other from firing, and the error is thrown", () => {
  const clock = new ManualClock();
  const wheel = timerWheel(clock, { tickMs: 10 });
  let fired = 0;
  for (let i = 0; i < 3; i++) {
    wheel.after(10, () => {
      fired += 1;
      if (i === 1) throw new RangeError("broken");
    });
  }
  assertThrows(() => clock.advance(10), RangeError, "broken");
  assertEquals(fired, 3);
});

test("a wheel shows the time of its clock to its full precision", () => {
  const clock = new ManualClock(5000);
  const wheel = timerWheel(clock, { tickMs: 100 });
  clock.advance(12.25);
  assertEquals([wheel.now(), wheel.wallNow()], [12.25, 5012.25]);
});

test("a timer of a wheel that is never due waits for ever and does no harm", () => {
  const clock = new ManualClock();
  const wheel = timerWheel(clock, { tickMs: 1000 });
  const timer = wheel.after(Number.POSITIVE_INFINITY, () => assert(false, "it fired"));
  clock.advance(100 * HOUR_MS);
  assertEquals(clock.pending, 1);
  timer.cancel();
  assertEquals(clock.pending, 0);
});

test("timerWheel() refuses a tick that is none", () => {
  for (const tickMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY])
    assertThrows(() => timerWheel(new ManualClock(), { tickMs }), RangeError, `received ${tickMs}`);
});

test("a wheel over the system's clock fires after the time and before long", async () => {
  const wheel = timerWheel(systemClock, { tickMs: 5 });
  const start = wheel.now();
  const elapsed = await new Promise<number>((resolve) => {
    wheel.after(20, () => resolve(wheel.now() - start));
  });
  assert(elapsed >= 20, `${elapsed} ms`);
});
