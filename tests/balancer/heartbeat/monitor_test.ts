import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ManualClock } from "../../../src/async/mod.ts";
import { outcomesOf } from "../../../src/balancer/heartbeat/history.ts";
import { noProbe } from "../../../src/balancer/probe/mod.ts";
import { test } from "../../testing.ts";
import { lab, pass, timesOf, turn } from "./monitor_lab.ts";

test("monitor() probes a lone backend at once, and then every 2 s", async () => {
  await using it = lab(1);
  await pass(5000, it);
  assertEquals(timesOf(it), [0, 2000, 4000]);
});

test("monitor() probes a backend that is added later at once", async () => {
  await using it = lab(1);
  await pass(5500, it);
  it.add("late");
  await pass(100, it);
  assertEquals(timesOf(it, "late"), [5500]);
});

test("monitor() spreads the first probes of many backends over the interval", async () => {
  await using it = lab(1000);
  it.clock.advance(1999);
  const times = it.asked.map(({ at }) => at);
  assertEquals(new Set(it.asked.map(({ name }) => name)).size, 1000);
  for (let slot = 0; slot < 10; slot++) {
    const inSlot = times.filter((at) => at >= slot * 200 && at < (slot + 1) * 200).length;
    assert(inSlot >= 99 && inSlot <= 101, `${inSlot} in slot ${slot}`);
  }
});

test("monitor() probes each of many backends that are added one by one within the interval", async () => {
  await using it = lab(0, {}, { random: Math.random });
  for (let i = 0; i < 2000; i++) it.add(`${i}`);
  it.clock.advance(2000);
  assertEquals(new Set(it.asked.map(({ name }) => name)).size, 2000);
});

test("monitor() reports up at the first answer, and brings a backend down by three refusals a second apart", async () => {
  await using it = lab(1);
  await pass(1900, it);
  await pass(2500, it, () => true);
  assertEquals(timesOf(it), [0, 2000, 3000, 4000]);
  const states = it.told.filter((line) => !line.includes("missed"));
  assertEquals(states, ["0 suspect up", "0 up suspect", "0 suspect down"]);
  assertEquals(it.told.filter((line) => line === "0 missed: Error: refused").length, 3);
});

test("monitor() remembers how the last probes of a backend ended", async () => {
  await using it = lab(1);
  await pass(1900, it);
  await pass(2500, it, () => true);
  await pass(5000, it);
  assertEquals(outcomesOf(it.pool.find("0")?.counters.heartbeats ?? 0), "+---+");
});

test("monitor() probes a backend that is down every 5 s, and every second while it rises", async () => {
  await using it = lab(1);
  await pass(2500, it, () => true);
  assertEquals(it.pool.find("0")?.state(), "down");
  await pass(9000, it);
  assertEquals(timesOf(it), [0, 1000, 2000, 7000, 8000, 10_000]);
  assertEquals(it.told.at(-1), "0 down up");
});

test("monitor() judges a silent backend when the wait is over, and says for how long it has waited", async () => {
  await using it = lab(1, { intervalMs: 3000 });
  await pass(100, it);
  it.clock.advance(2900);
  it.clock.advance(2999);
  assertEquals([it.pool.find("0")?.state(), it.pool.find("0")?.health.missed], ["up", 1]);
  it.clock.advance(1);
  assertEquals(it.pool.find("0")?.state(), "suspect");
  assertStringIncludes(it.told.join(), "0 missed: DeadlineError: Cannot probe 0: no answer within 3000 ms");
});

test("monitor() has at most one probe of a backend under way, and still counts the unanswered heartbeats", async () => {
  await using it = lab(1);
  await pass(100, it);
  it.clock.advance(10_000);
  assertEquals([it.asked.length, it.pool.find("0")?.state()], [2, "down"]);
});

test("monitor() lets an answer count that comes after the wait", async () => {
  await using it = lab(1);
  await pass(100, it);
  it.clock.advance(5000);
  const { state, missed } = it.pool.list().backends[0] ?? {};
  assertEquals([state, (missed ?? 0) > 1], ["suspect", true]);
  await it.asked.at(-1)?.answer();
  assertEquals([it.pool.find("0")?.state(), it.pool.find("0")?.health.missed], ["up", 0]);
  await pass(2000, it);
  assertEquals(timesOf(it), [0, 2000, 7000]);
});

test("monitor() asks again when a probe fails that stands for a newer heartbeat, rather than to judge that one", async () => {
  await using it = lab(1);
  await pass(100, it);
  it.clock.advance(4500);
  await it.asked.at(-1)?.refuse(new Error("timed out"));
  assertEquals([timesOf(it), it.pool.find("0")?.health.missed], [[0, 2000, 4600], 2]);
  assertEquals(it.told.length, 3);
  await it.asked.at(-1)?.answer();
  assertEquals([it.pool.find("0")?.state(), it.pool.find("0")?.health.missed], ["up", 0]);
});

test("monitor() goes on after a probe that throws instead of rejecting", async () => {
  let calls = 0;
  const clock = new ManualClock();
  await using it = lab(
    1,
    {},
    {
      clock,
      probe: () => {
        calls += 1;
        throw new TypeError("no such probe");
      },
    },
  );
  for (let i = 0; i < 5; i++) {
    clock.advance(500);
    await turn();
  }
  assertEquals(calls, 3);
  assertStringIncludes(it.told.join(), "0 missed: TypeError: no such probe");
});

test("monitor() stops probing a backend that is removed, and aborts the probe under way", async () => {
  await using it = lab(1);
  it.clock.advance(100);
  it.pool.remove("0");
  assertEquals([it.asked[0]?.signal.aborted, it.clock.pending], [true, 0]);
  it.clock.advance(60_000);
  assertEquals([it.asked.length, it.told], [1, []]);
});

test("monitor() stops when a backend is removed by whoever is told of its state", async () => {
  await using it = lab(1);
  it.pool.watch({ onState: ({ name }) => void it.pool.remove(name) });
  await pass(10_000, it);
  assertEquals([it.asked.length, it.clock.pending], [1, 0]);
});

test("Monitor.close() leaves no timer and no probe behind, and hears of no more backends", async () => {
  const it = lab(20);
  it.clock.advance(500);
  await it.monitor.close();
  it.add("late");
  assertEquals(
    [it.clock.pending, it.asked.every(({ signal }) => signal.aborted), it.asked.length],
    [0, true, 20],
  );
  assertEquals(it.told, []);
});

test("a monitor with noProbe brings every backend up", async () => {
  await using it = lab(3, {}, { probe: noProbe });
  it.clock.advance(100);
  await turn();
  assertEquals(
    it.pool.list().backends.map(({ state }) => state),
    ["up", "up", "up"],
  );
});
