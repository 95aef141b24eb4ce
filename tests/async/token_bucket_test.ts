import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { TokenBucket } from "../../src/async/mod.ts";
import { test } from "../testing.ts";

/** A bucket with a clock that is moved by hand. */
function bucketOf(ratePerSecond: number, burst?: number) {
  let ms = 0;
  const now = () => ms;
  const bucket = new TokenBucket({ ratePerSecond, now, ...(burst !== undefined && { burst }) });
  return {
    bucket,
    pass(elapsedMs: number): void {
      ms += elapsedMs;
    },
  };
}

const rates = fc.oneof(
  fc.integer({ min: 1, max: 5000 }),
  fc.integer({ min: 1, max: 1000 }).map((n) => n / 60),
);
const pauses = fc.array(fc.oneof(fc.nat(2000), fc.double({ min: 0, max: 50, noNaN: true })), {
  maxLength: 50,
});

test("a token bucket never gives more than its burst and what its rate has added since", () => {
  fc.assert(
    fc.property(rates, fc.integer({ min: 1, max: 100 }), pauses, (rate, burst, gaps) => {
      const { bucket, pass } = bucketOf(rate, burst);
      let taken = 0;
      let elapsedMs = 0;
      for (const gap of [0, ...gaps]) {
        pass(gap);
        elapsedMs += gap;
        while (bucket.take()) taken += 1;
        assert(taken <= burst + (elapsedMs * rate) / 1000 + 1e-6, `${taken} after ${elapsedMs} ms`);
      }
    }),
  );
});

test("who comes back after waitMs() gets a token, and not a millisecond before", () => {
  fc.assert(
    fc.property(rates, pauses, (rate, gaps) => {
      const { bucket, pass } = bucketOf(rate, 1);
      for (const gap of gaps) {
        pass(gap);
        while (bucket.take());
        const waitMs = bucket.waitMs();
        assert(Number.isInteger(waitMs) && waitMs >= 1, `${waitMs} ms`);
        pass(waitMs - 1);
        assert(bucket.waitMs() > 0, "there was to be no token yet");
        pass(1);
        assertEquals([bucket.waitMs(), bucket.take()], [0, true]);
      }
    }),
  );
});

test("a bucket is full at first and again when all that was taken has been added", () => {
  const { bucket, pass } = bucketOf(10, 5);
  assert(bucket.isFull);
  while (bucket.take());
  pass(499);
  assert(!bucket.isFull);
  pass(1);
  assert(bucket.isFull);
  pass(1_000_000);
  assertEquals(
    Array.from({ length: 6 }, () => bucket.take()),
    [true, true, true, true, true, false],
  );
});

test("a bucket's burst is one second's worth unless told otherwise, and both must be right", () => {
  const { bucket } = bucketOf(3);
  assertEquals(
    Array.from({ length: 4 }, () => bucket.take()),
    [true, true, true, false],
  );
  for (const ratePerSecond of [0, -1, Number.NaN])
    assertThrows(() => new TokenBucket({ ratePerSecond }), RangeError, "ratePerSecond must be positive");
  for (const burst of [0.5, 0, Number.NaN])
    assertThrows(() => new TokenBucket({ ratePerSecond: 1, burst }), RangeError, "burst must be at least 1");
});
