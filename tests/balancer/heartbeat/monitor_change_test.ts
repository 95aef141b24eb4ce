import { assert, assertEquals } from "@std/assert";
import { ManualClock } from "../../../src/async/mod.ts";
import { monitor } from "../../../src/balancer/heartbeat/monitor.ts";
import { createPool } from "../../../src/balancer/pool/pool.ts";
import { noProbe, type Probe, type ProbeAnswer } from "../../../src/balancer/probe/mod.ts";
import { test } from "../../testing.ts";
import { lab, pass, StallingClock, timesOf, turn } from "./monitor_lab.ts";

test("monitor() goes by each of the intervals that are set, and waits for as long as is set", async () => {
  const heartbeat = {
    intervalMs: 4000,
    fastIntervalMs: 500,
    downIntervalMs: 3000,
    timeoutMs: 200,
    threshold: 2,
  };
  await using it = lab(1, heartbeat);
  await pass(4200, it);
  assertEquals(timesOf(it), [0, 4000]);
  await pass(6000, it, () => true);
  assertEquals(timesOf(it), [0, 4000, 8000, 8500]);
  await pass(5000, it);
  assertEquals(timesOf(it).slice(4), [11_500, 12_000]);
  it.clock.advance(800);
  it.clock.advance(199);
  assertEquals(it.pool.find("0")?.state(), "up");
  it.clock.advance(1);
  assertEquals(it.pool.find("0")?.state(), "suspect");
});

test("monitor() goes by a new interval at once, rather than after the old one", async () => {
  await using it = lab(1, { intervalMs: 60_000 });
  await pass(10_000, it);
  it.pool.configure({ heartbeat: { intervalMs: 1000 } });
  await pass(1900, it);
  assertEquals(timesOf(it), [0, 10_000, 11_000]);
  it.pool.configure({ heartbeat: { intervalMs: 5000 } });
  await pass(10_000, it);
  assertEquals(timesOf(it).slice(3), [16_000, 21_000]);
});

test("monitor() leaves the wait for an answer as it is when the heartbeat is changed", async () => {
  await using it = lab(1);
  await pass(100, it);
  it.clock.advance(2000);
  it.pool.configure({ heartbeat: { intervalMs: 60_000 } });
  it.clock.advance(2000);
  assertEquals(it.pool.find("0")?.state(), "suspect");
});

test("Monitor.use() asks by the other probe from then on, and does not wait for the old one's answer", async () => {
  await using it = lab(2);
  await pass(100, it);
  it.clock.advance(2000);
  const old = it.asked.slice(-2);
  assertEquals(old.length, 2);
  const names: string[] = [];
  it.monitor.use(({ name }) => {
    names.push(name);
    return Promise.resolve({});
  });
  assert(old.every(({ signal }) => signal.aborted));
  assertEquals(names, ["0", "1"]);
  await turn();
  it.clock.advance(2000);
  assertEquals([names.length, it.pool.find("0")?.health.missed, it.asked.length], [4, 1, 4]);
  assertEquals(it.told.slice(2), []);
});

test("Monitor.use() gives up what is kept for backends that are not being asked", async () => {
  await using it = lab(1);
  await pass(100, it);
  assertEquals(it.asked[0]?.signal.aborted, false);
  it.monitor.use(it.probe);
  assertEquals([it.asked[0]?.signal.aborted, it.asked.length], [true, 1]);
  await pass(2000, it);
  assertEquals(timesOf(it), [0, 2000]);
});

test("monitor() hands what an answer says to the pool, and tells of a backend that drains", async () => {
  await using it = lab(1);
  it.clock.advance(0);
  await it.asked[0]?.answer({ connections: 3, capacity: 100, isDraining: true });
  assertEquals(it.pool.find("0")?.reported, { connections: 3, capacity: 100, isDraining: true });
  it.clock.advance(2000);
  await it.asked[1]?.answer({ isDraining: false });
  assertEquals(it.told, ["0 suspect draining", "0 draining up"]);
});

test("monitor() counts heartbeats and misses, and measures how long answers take", async () => {
  await using it = lab(1);
  it.clock.advance(0);
  it.clock.advance(40);
  await it.asked[0]?.answer();
  it.clock.advance(2000);
  await it.asked[1]?.refuse(new Error("refused"));
  const counters = it.pool.find("0")?.counters;
  const { sum, count } = counters?.heartbeatSeconds.snapshot() ?? {};
  assertEquals([counters?.probes, counters?.misses, count, sum], [2, 1, 1, 0.04]);
});

test("monitor() counts no heartbeats where none are sent", async () => {
  await using it = lab(1, {}, { probe: noProbe });
  for (let i = 0; i < 3; i++) {
    it.clock.advance(2000);
    await turn();
  }
  const counters = it.pool.find("0")?.counters;
  assertEquals([it.pool.find("0")?.state(), counters?.probes], ["up", 0]);
  assertEquals([counters?.heartbeatSeconds.snapshot().count, it.pool.find("0")?.reported], [0, undefined]);
});

test("monitor() does not blame a backend whose answer lies unread since the process stood still", async () => {
  const clock = new StallingClock();
  const pool = createPool({ name: "default", policy: "round-robin", clock });
  const answers: (() => void)[] = [];
  const probe: Probe = (_, { signal }) => {
    const { promise, resolve, reject } = Promise.withResolvers<ProbeAnswer>();
    signal.addEventListener("abort", () => reject(signal.reason));
    answers.push(() => resolve({}));
    return promise;
  };
  await using _monitor = monitor({ pool, clock, probe, random: () => 0.5 });
  const backend = pool.add({ address: { host: "127.0.0.1", port: 1 } });
  clock.advance(0);
  clock.stall(30_000);
  clock.advance(1);
  answers[0]?.();
  await turn();
  assertEquals([backend.state(), backend.counters.misses], ["up", 0]);
  clock.advance(1000);
  clock.stall(30_000);
  clock.advance(99);
  assertEquals(backend.counters.misses, 0);
  clock.advance(1);
  assertEquals(backend.counters.misses, 1);
});

test("monitor() leaves a backend up through 80,000 probes of which three single ones far apart are lost", async () => {
  const clock = new ManualClock();
  const pool = createPool({ name: "default", policy: "round-robin", clock });
  const states: string[] = [];
  let sent = 0;
  const probe = (): Promise<object> => {
    sent += 1;
    return sent % 26_000 === 0 ? Promise.reject(new Error("lost")) : Promise.resolve({});
  };
  const onChange = (_: unknown, from: string, to: string): void => void states.push(`${from} ${to}`);
  await using _monitor = monitor({ pool, clock, probe, onChange, random: () => 0.5 });
  const backend = pool.add({ address: { host: "127.0.0.1", port: 1 } });
  for (let step = 0; sent < 80_000; step = backend.state() === "up" ? 2000 : 1000) {
    clock.advance(step);
    for (let settling = 0; settling < 4; settling++) await Promise.resolve();
  }
  const single = ["up suspect", "suspect up"];
  assertEquals(states, ["suspect up", ...single, ...single, ...single]);
  assertEquals([backend.state(), backend.counters.probes, backend.counters.misses], ["up", 80_000, 3]);
});

test("Monitor.askAnew() asks a backend once more and does not hear the answer of before, others are left alone", async () => {
  await using it = lab(2);
  await pass(100, it);
  it.clock.advance(2000);
  const [old, other] = it.asked.slice(-2);
  const backend = it.pool.find(old?.name ?? "");
  assert(backend && old && other);
  it.monitor.askAnew(backend);
  await old.answer({ isDraining: true });
  assertEquals(backend.reported?.isDraining, undefined);
  assertEquals(
    it.asked.slice(-2).map(({ name }) => name),
    [other.name, old.name],
  );
  await it.asked.at(-1)?.answer({ isDraining: false });
  assertEquals(backend.reported?.isDraining, false);
  assertEquals(other.signal.aborted, false);
  const { length } = it.asked;
  it.monitor.askAnew(backend);
  assertEquals(it.asked.length, length, "nothing was under way");
});
