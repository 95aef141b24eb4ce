import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { backoff, ManualClock } from "../../src/async/mod.ts";
import { test } from "../testing.ts";

test("a manual clock fires every timer once, when its time has come, in the order of the times and then as set", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(50)), fc.array(fc.nat(40)), (delays, steps) => {
      const clock = new ManualClock();
      const fired: (readonly [number, number])[] = [];
      for (const [index, delay] of delays.entries())
        clock.after(delay, () => {
          assertEquals(clock.now(), delay);
          fired.push([delay, index]);
        });
      for (const step of steps) {
        clock.advance(step);
        assert(fired.every(([delay]) => delay <= clock.now()));
        assertEquals(fired.length, delays.filter((delay) => delay <= clock.now()).length);
      }
      clock.advance(50);
      const expected = delays.map((delay, index) => [delay, index] as const);
      assertEquals(
        fired,
        expected.sort(([a, i], [b, j]) => a - b || i - j),
      );
      assertEquals(clock.pending, 0);
    }),
  );
});

test("a timer set while others fire fires in the same advance if its time comes in it", () => {
  const clock = new ManualClock(1000);
  const times: number[] = [];
  const again = (): void => {
    times.push(clock.wallNow());
    clock.after(10, again);
  };
  clock.after(10, again);
  clock.advance(35);
  assertEquals([times, clock.now(), clock.pending], [[1010, 1020, 1030], 35, 1]);
});

test("a timer that another one cancels in the same moment does not fire", () => {
  const clock = new ManualClock();
  let fired = 0;
  clock.after(10, () => second.cancel());
  const second = clock.after(10, () => {
    fired += 1;
  });
  clock.advance(10);
  second.cancel();
  assertEquals(fired, 0);
});

test("the delays of a backoff double up to the largest and lose at most their random part", () => {
  const options = {
    firstMs: fc.integer({ min: 1, max: 20_000 }),
    maxMs: fc.integer({ min: 1, max: 20_000 }),
    jitter: fc.double({ min: 0, max: 1, noNaN: true }),
    random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  };
  fc.assert(
    fc.property(fc.record(options), ({ firstMs, maxMs, jitter, random }) => {
      const delays = backoff({ firstMs, maxMs, jitter, random: () => random }).take(20);
      for (const [index, delay] of delays.toArray().entries()) {
        const whole = Math.min(firstMs * 2 ** index, maxMs);
        assert(delay <= whole && delay >= whole * (1 - jitter), `${delay} of ${whole}`);
      }
    }),
  );
});

test("a backoff gives from half a delay to a whole one unless told otherwise, 5 s at most", () => {
  assertEquals(
    backoff({ random: () => 0 })
      .take(8)
      .toArray(),
    [100, 200, 400, 800, 1600, 3200, 5000, 5000],
  );
  assertEquals(
    backoff({ random: () => 1 })
      .take(3)
      .toArray(),
    [50, 100, 200],
  );
});
