import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  beat,
  beatByClients,
  checkHeartbeat,
  type Health,
  type HeartbeatEvent,
  type HeartbeatOptions,
  nextProbeDelayMs,
  probeTimeoutMs,
  UNKNOWN_HEALTH,
  type Verdict,
} from "../../../src/balancer/heartbeat/heartbeat.ts";
import { test } from "../../testing.ts";

type Probe = "answered" | "overdue";

function fold(events: readonly HeartbeatEvent[], from = UNKNOWN_HEALTH, options?: HeartbeatOptions): Health {
  return events.reduce((health, event) => beat(health, event, options), from);
}

/** The health after probes with these results, and failures of clients in between. */
function after(results: readonly (Probe | "failed")[], options?: HeartbeatOptions): Health {
  return fold(
    results.flatMap((result): HeartbeatEvent[] => (result === "failed" ? [result] : ["sent", result])),
    UNKNOWN_HEALTH,
    options,
  );
}

function verdicts(results: readonly Probe[], options?: HeartbeatOptions): Verdict[] {
  return results.map((_, i) => after(results.slice(0, i + 1), options).verdict);
}

const probe = fc.constantFrom<Probe>("answered", "overdue");
const UP: Health = after(["answered"]);

test("beat() brings a new backend up at its first answer", () => {
  assertEquals(after(["overdue", "overdue"]).verdict, "new");
  assertEquals(after(["overdue", "overdue", "answered"]).verdict, "up");
});

test("beat() makes a backend suspect at the first missing answer and brings it down at the third", () => {
  assertEquals(verdicts(["answered", "overdue", "overdue", "overdue"]), ["up", "suspect", "suspect", "down"]);
});

test("beat() brings a new backend down at the third missing answer", () => {
  assertEquals(verdicts(["overdue", "overdue", "overdue"]), ["new", "new", "down"]);
});

test("beat() brings a backend that is down up at the second answer in a row", () => {
  const down: Probe[] = ["overdue", "overdue", "overdue"];
  assertEquals(verdicts([...down, "answered", "overdue", "answered", "answered"]).slice(3), [
    "down",
    "down",
    "down",
    "up",
  ]);
});

test("beat() judges a heartbeat only when the wait for its answer is over", () => {
  const sent = fold(["sent", "overdue", "sent", "overdue", "sent"], UP);
  assertEquals([sent.verdict, sent.missed], ["suspect", 3]);
  assertEquals(beat(sent, "overdue").verdict, "down");
});

test("beat() lets a late answer clear what was missed", () => {
  const late = fold(["sent", "overdue", "sent", "overdue", "answered"], UP);
  assertEquals([late.verdict, late.missed], ["up", 0]);
});

test("beat() brings a backend down exactly when the threshold of answers in a row is missing", () => {
  fc.assert(
    fc.property(fc.array(probe), fc.integer({ min: 1, max: 6 }), (results, threshold) => {
      const start = after(["answered", ...results, "answered"], { threshold, rise: 1 });
      const missing = Array.from({ length: threshold }, (): HeartbeatEvent[] => ["sent", "overdue"]).flat();
      assertEquals(start.verdict, "up");
      const before = fold(missing.slice(0, -1), start, { threshold });
      assertEquals(before.verdict, threshold === 1 ? "up" : "suspect");
      assertEquals(beat(before, "overdue", { threshold }).verdict, "down");
    }),
  );
});

test("beat() leaves a backend up through 80,000 probes of which three single ones far apart are lost", () => {
  let health = UNKNOWN_HEALTH;
  for (let i = 1; i <= 80_000; i++) {
    health = fold(["sent", i % 26_000 === 0 ? "overdue" : "answered"], health);
    assert(health.verdict === "up" || i % 26_000 === 0, `${health.verdict} after probe ${i}`);
  }
  assertEquals([health.verdict, health.missed], ["up", 0]);
});

test("beat() counts any number of clients' failures between two probes as one", () => {
  const once = fold(["failed"], UP);
  assertEquals([once.verdict, once.missed], ["suspect", 1]);
  assertEquals(fold(["failed", "failed", "failed", "failed"], UP), once);
});

test("beat() counts another client's failure after the next probe was sent", () => {
  assertEquals(after(["answered", "failed", "overdue", "failed"]).verdict, "down");
});

test("beat() never brings a backend down that answers every probe, whatever its clients do", () => {
  const failures = fc.array(fc.array(fc.constant<HeartbeatEvent>("failed"), { maxLength: 3 }));
  fc.assert(
    fc.property(failures, (rounds) => {
      const events = rounds.flatMap((failed): HeartbeatEvent[] => ["sent", ...failed, "answered", ...failed]);
      assert(fold(events, UP).verdict !== "down");
    }),
  );
});

test("beat() does not count a probe that may still be answered when a client fails", () => {
  const health = fold(["sent", "overdue", "sent", "failed"], UP);
  assertEquals(health.verdict, "suspect");
  assertEquals(beat(health, "overdue").verdict, "down");
});

test("beat() counts a client's failure with the probes that are missing", () => {
  assertEquals(after(["answered", "overdue", "overdue", "failed"]).verdict, "down");
});

test("beat() keeps missed between 0 and the threshold, and suspect means at least 1", () => {
  const event = fc.constantFrom<HeartbeatEvent>("sent", "answered", "overdue", "failed");
  fc.assert(
    fc.property(fc.array(event), fc.integer({ min: 1, max: 5 }), (events, threshold) => {
      const { missed, verdict } = fold(events, UNKNOWN_HEALTH, { threshold });
      assert(missed >= 0 && missed <= threshold);
      assert(verdict !== "suspect" || missed >= 1);
    }),
  );
});

const SUSPECT = after(["answered", "overdue"]);
const DOWN = after(["overdue", "overdue", "overdue"]);
const RISING = beat(beat(DOWN, "sent"), "answered");

test("nextProbeDelayMs() is 2 s while up, 1 s while new, suspect or rising, 5 s while down", () => {
  const delays = [UP, UNKNOWN_HEALTH, SUSPECT, RISING, DOWN].map((health) =>
    nextProbeDelayMs(health, () => 0.5),
  );
  assertEquals(delays, [2000, 1000, 1000, 1000, 5000]);
});

test("nextProbeDelayMs() varies by a tenth either way", () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (random) => {
      const delay = nextProbeDelayMs(UP, () => random, { intervalMs: 100 });
      assert(delay >= 89.9 && delay <= 110.1);
    }),
  );
  assertEquals(Math.round(nextProbeDelayMs(UP, () => 0, { intervalMs: 100 })), 90);
});

test("probeTimeoutMs() is the interval, but at least 1 s and at most 5 s", () => {
  const timeouts = [100, 3000, 60_000].map((intervalMs) => probeTimeoutMs(UP, { intervalMs }));
  assertEquals([...timeouts, probeTimeoutMs(UP), probeTimeoutMs(SUSPECT)], [1000, 3000, 5000, 2000, 1000]);
});

test("nextProbeDelayMs() derives the other intervals from the first one, unless they are set", () => {
  const delays = (options: HeartbeatOptions): number[] =>
    [UP, SUSPECT, RISING, DOWN].map((health) => nextProbeDelayMs(health, () => 0.5, options));
  assertEquals(delays({ intervalMs: 800 }), [800, 400, 400, 2000]);
  assertEquals(delays({ intervalMs: 800, fastIntervalMs: 50, downIntervalMs: 70 }), [800, 50, 50, 70]);
});

test("probeTimeoutMs() is as long as is set, whatever the interval is", () => {
  assertEquals(
    [UP, DOWN].map((health) => probeTimeoutMs(health, { intervalMs: 100, timeoutMs: 30_000 })),
    [30_000, 30_000],
  );
});

test("beatByClients() never brings a backend down, and counts like beat() otherwise", () => {
  const event = fc.constantFrom<HeartbeatEvent>("sent", "answered", "overdue", "failed");
  fc.assert(
    fc.property(fc.array(event), fc.integer({ min: 1, max: 4 }), (events, threshold) => {
      const before = fold(events, UNKNOWN_HEALTH, { threshold });
      const [both, alone] = [beat, beatByClients].map((fold) => fold(before, "failed", { threshold }));
      assertEquals(alone?.missed, both?.missed);
      assert(alone?.verdict !== "down" || before.verdict === "down");
      assert(alone?.verdict === both?.verdict || both?.verdict === "down");
    }),
  );
});

test("checkHeartbeat() says which option is wrong and what was received", () => {
  const wrong: HeartbeatOptions[] = [
    { threshold: 1.5 },
    { rise: 0 },
    { intervalMs: 0 },
    { fastIntervalMs: -1 },
    { downIntervalMs: Number.NaN },
    { timeoutMs: 2 ** 29 },
  ];
  for (const options of wrong) {
    const [name, value] = Object.entries(options)[0] ?? [];
    assertThrows(() => checkHeartbeat(options), RangeError, `Cannot set heartbeat: ${name} must be`);
    assertThrows(() => checkHeartbeat(options), RangeError, `received ${value}`);
  }
  checkHeartbeat({ threshold: undefined, timeoutMs: undefined });
});
