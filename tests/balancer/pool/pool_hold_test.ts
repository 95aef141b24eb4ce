import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { ManualClock } from "../../../src/async/mod.ts";
import { monitor } from "../../../src/balancer/heartbeat/monitor.ts";
import type { Backend } from "../../../src/balancer/pool/backend.ts";
import type { Pool, PoolOptions } from "../../../src/balancer/pool/pool.ts";
import { noProbe } from "../../../src/balancer/probe/mod.ts";
import { test } from "../../testing.ts";
import { at, CLIENT, miss, poolOf } from "./pools.ts";

interface Lab {
  readonly clock: ManualClock;
  readonly pool: Pool;
  readonly a: Backend;
  /** States of `a` as a watcher sees them, with the time in seconds. */
  readonly told: string[];
}

/** Backends a, b and c, of which a client fails at `a`. */
function lab(options: Partial<PoolOptions> = {}): Lab {
  const clock = new ManualClock();
  const pool = poolOf([{ name: "a" }, { name: "b" }, { name: "c" }], { clock, ...options });
  const told: string[] = [];
  pool.watch({
    onState: ({ name }, from, to) => {
      if (name === "a") told.push(`${clock.now() / 1000} ${from} ${to}`);
    },
  });
  return { clock, pool, a: at(pool, "a"), told };
}

/** Its heartbeats are answered, and in each of so many intervals a client fails at it. */
function fail({ clock, pool, a }: Lab, intervals: number): void {
  for (let i = 0; i < intervals; i++) {
    pool.beat(a, "sent");
    pool.beat(a, "answered");
    for (let client = 0; client < 5; client++) failOnce(pool, a);
    clock.advance(2000);
  }
}

function failOnce(pool: Pool, a: Backend): void {
  const lease = pool.acquire(CLIENT, new Set([...pool.backends()].filter((one) => one !== a)));
  if (!lease) return;
  pool.failed(lease);
  lease[Symbol.dispose]();
}

/** For how long `a` is held from now on, in seconds. */
function holdOf(it: Lab): number {
  const start = it.clock.now();
  while (it.a.isHeld) it.clock.advance(1000);
  return Math.round((it.clock.now() - start) / 1000);
}

test("a backend at which clients fail in three intervals is held for 10 s, though it answers its heartbeats", () => {
  const it = lab();
  fail(it, 2);
  assertEquals([it.a.state(), it.a.isHeld], ["suspect", false]);
  failOnce(it.pool, it.a);
  assertEquals([it.a.state(), it.a.isHeld, it.a.health.verdict], ["down", true, "suspect"]);
  for (let second = 0; second < 9; second++) {
    it.clock.advance(1000);
    it.pool.beat(it.a, "sent");
    it.pool.beat(it.a, "answered");
    assertEquals(it.a.state(), "down");
  }
  it.clock.advance(1000);
  assertEquals([it.a.state(), it.told.at(-1)], ["up", "14 down up"]);
});

test("a backend without a heartbeat is held by its clients' failures alone, and serves again after that", async () => {
  const it = lab();
  // Probes at even times: what comes between two failures of clients is then the same each time.
  await using _monitor = monitor({ pool: it.pool, clock: it.clock, probe: noProbe, random: () => 0.5 });
  for (let at = 0; at < 16_000; at += 500) {
    if (at % 2000 === 0) failOnce(it.pool, it.a);
    it.clock.advance(500);
    await Promise.resolve().then(() => undefined);
  }
  const holds = it.told.filter((line) => / down/.test(line));
  assertEquals(holds, ["4 suspect down", "14 down up"]);
});

test("all clients that fail within one interval count as one", () => {
  const it = lab();
  for (let i = 0; i < 100; i++) failOnce(it.pool, it.a);
  it.clock.advance(1999);
  for (let i = 0; i < 100; i++) failOnce(it.pool, it.a);
  assertEquals(it.a.isHeld, false);
  assertEquals(it.a.counters.connectFailures, 200);
});

test("a client that is connected begins the row of failures anew", () => {
  const it = lab();
  fail(it, 2);
  const lease = it.pool.acquire(CLIENT, new Set([at(it.pool, "b"), at(it.pool, "c")]));
  assert(lease);
  it.pool.connected(lease);
  fail(it, 2);
  assertEquals(it.a.isHeld, false);
  fail(it, 1);
  assertEquals(it.a.isHeld, true);
});

test("failures that are more than 30 s apart make no row", () => {
  const it = lab();
  for (let i = 0; i < 5; i++) {
    fail(it, 2);
    it.clock.advance(31_000);
  }
  assertEquals(
    it.told.filter((line) => line.endsWith("down")),
    [],
  );
});

test("a backend that fails again is held for 10 s longer each time, up to 300 s", () => {
  const it = lab();
  const holds = Array.from({ length: 32 }, () => {
    fail(it, 2);
    failOnce(it.pool, it.a);
    return holdOf(it);
  });
  assertEquals(holds.slice(0, 3), [10, 20, 30]);
  assertEquals(holds.slice(-4), [290, 300, 300, 300]);
});

test("a backend that was not held for 300 s begins with 10 s again", () => {
  const it = lab();
  const next = (pauseMs: number): number => {
    it.clock.advance(pauseMs);
    fail(it, 2);
    failOnce(it.pool, it.a);
    return holdOf(it);
  };
  assertEquals([next(0), next(290_000), next(296_000), next(0)], [10, 20, 10, 20]);
});

test("a held backend whose own heartbeats are missed follows its heartbeat alone, and may be up before its time", () => {
  const it = lab();
  fail(it, 2);
  failOnce(it.pool, it.a);
  miss(it.pool, it.a);
  assertEquals([it.a.state(), it.a.isHeld], ["down", false]);
  it.pool.beat(it.a, "answered");
  it.pool.beat(it.a, "answered");
  assertEquals(it.a.state(), "up");
  assertEquals(
    it.told.map((line) => line.split(" ").slice(1).join(" ")),
    ["up suspect", "suspect up", "up suspect", "suspect down", "down up"],
  );
});

test("a held backend that is down by its heartbeat stays down when the time of its hold is over", () => {
  const it = lab();
  fail(it, 2);
  failOnce(it.pool, it.a);
  miss(it.pool, it.a);
  it.clock.advance(60_000);
  assertEquals(it.a.state(), "down");
});

test("a backend that is held takes no client, and one that is removed leaves no timer", () => {
  const it = lab();
  fail(it, 2);
  failOnce(it.pool, it.a);
  const picked = Array.from({ length: 6 }, () => it.pool.acquire(CLIENT)?.backend.name);
  assertEquals(new Set(picked), new Set(["b", "c"]));
  assertEquals(it.clock.pending, 1);
  it.pool.remove("a");
  assertEquals(it.clock.pending, 0);
});

test("more than half of the backends that could serve are never held, whatever clients do", () => {
  const act = fc.constantFrom("fail", "connect", "wait", "miss", "answer", "drain", "enable");
  fc.assert(
    fc.property(fc.array(fc.tuple(act, fc.nat(4)), { maxLength: 120 }), (steps) => {
      const clock = new ManualClock();
      const pool = poolOf([{}, {}, {}, {}, {}], { clock, heartbeat: { threshold: 1, rise: 1 } });
      const all = [...pool.backends()];
      for (const [what, which] of steps) {
        const before = all.filter(({ isHeld }) => isHeld).length;
        run(pool, clock, what, all[which] as Backend);
        const fit = all.filter((one) => one.admin === "enabled" && one.health.verdict !== "down");
        const held = all.filter(({ isHeld }) => isHeld).length;
        assert(held <= before || held * 2 <= fit.length, `${held} of ${fit.length}`);
      }
      pool[Symbol.dispose]();
      assertEquals(clock.pending, 0);
    }),
  );
});

function run(pool: Pool, clock: ManualClock, act: string, one: Backend): void {
  if (act === "fail") failOnce(pool, one);
  else if (act === "wait") clock.advance(3000);
  else if (act === "miss") miss(pool, one, 1);
  else if (act === "answer") pool.beat(one, "answered");
  else if (act === "drain") pool.change(one.name, { admin: "draining" });
  else if (act === "enable") pool.change(one.name, { admin: "enabled" });
}
