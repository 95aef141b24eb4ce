import { assertEquals, assertThrows } from "@std/assert";
import { ManualClock } from "../../../src/async/mod.ts";
import type { PolicyName } from "../../../src/balancer/contract.ts";
import { policies } from "../../../src/balancer/policy/policies.ts";
import { createPool, type Lease } from "../../../src/balancer/pool/pool.ts";
import { test } from "../../testing.ts";
import { at, CLIENT, miss, PORT, picks, poolOf } from "./pools.ts";

for (const policy of Object.keys(policies) as PolicyName[]) {
  test(`a pool that gets the policy ${policy} goes on with its leases, weights, limits and states`, () => {
    const specs = [
      { name: "a" },
      { name: "down" },
      { name: "spare", backup: true },
      { name: "small", maxConnections: 1 },
    ];
    const pool = poolOf(specs);
    pool.add({ name: "new", address: { host: "10.9.0.9", port: PORT } });
    miss(pool, at(pool, "down"));
    const leases = [pool.acquire(CLIENT), pool.acquire(CLIENT)] as Lease[];
    pool.configure({ policy });
    assertEquals([pool.policy, pool.list().policy], [policy, policy]);
    assertEquals(picks(pool, 3), ["a", "a", "a"]);
    for (const lease of leases) lease[Symbol.dispose]();
    assertEquals([at(pool, "small").active, at(pool, "a").active], [0, 3]);
    assertEquals(new Set(picks(pool, 100)), new Set(["a", "small"]));
    pool.remove("a");
    assertEquals(picks(pool, 2), ["spare", "spare"]);
  });
}

test("least-connections as a new policy counts the connections that there are", () => {
  const pool = poolOf([{ name: "a" }, { name: "b" }]);
  for (let i = 0; i < 10; i++) {
    const lease = pool.acquire(CLIENT);
    if (lease?.backend.name === "b") lease[Symbol.dispose]();
  }
  pool.configure({ policy: "least-connections" });
  assertEquals(picks(pool, 5), ["b", "b", "b", "b", "b"]);
});

test("Pool.configure() leaves what is absent, replaces what is given, and tells the watchers", () => {
  const pool = poolOf([{ name: "a" }], { heartbeat: { threshold: 1 }, dispatch: "hand-over" });
  let told = 0;
  pool.watch({ onConfigure: () => void told++ });
  pool.configure({ heartbeat: { intervalMs: 500 } });
  assertEquals([pool.heartbeat, pool.dispatch, told], [{ intervalMs: 500 }, "hand-over", 1]);
  miss(pool, at(pool, "a"), 2);
  assertEquals(at(pool, "a").state(), "suspect");
  pool.configure({ heartbeat: undefined, dispatch: "splice" });
  assertEquals([pool.heartbeat, pool.list().dispatch], [{ intervalMs: 500 }, "splice"]);
});

test("Pool.configure() refuses what is no pool by a sentence, and changes nothing", () => {
  const pool = poolOf([{ name: "a" }], { policy: "weighted" });
  const wrong = [
    [{ policy: "random", heartbeat: { rise: 0 } }, "Cannot set heartbeat: rise"],
    [{ policy: "random", queue: { limit: -1 } }, "Cannot configure pool: the queue's limit must be"],
    [{ policy: "random", queue: { timeoutMs: 0 } }, "Cannot configure pool: the queue's timeoutMs must be"],
    [{ policy: "random", slowStartMs: -1 }, "Cannot configure pool: slowStartMs must be"],
    [{ policy: "round-robin", slowStartMs: 10 }, "needs a policy that respects weights"],
    [{ policy: "key-hash", fallback: "key-hash" }, 'fallback must not be "key-hash"'],
  ] as const;
  for (const [change, sentence] of wrong) assertThrows(() => pool.configure(change), RangeError, sentence);
  assertEquals([pool.policy, pool.heartbeat], ["weighted", {}]);
});

test("createPool() refuses a slow start under round-robin", () => {
  const slow = () => createPool({ name: "p", policy: "round-robin", slowStartMs: 1000 });
  assertThrows(slow, RangeError, "Cannot create pool: slowStartMs needs a policy that respects weights");
});

test("Pool.key is that of the options under key-hash alone", () => {
  const key = { from: "json", field: "name" } as const;
  const pool = poolOf([], { policy: "key-hash", key });
  assertEquals(pool.key, key);
  pool.configure({ policy: "random" });
  assertEquals(pool.key, undefined);
  pool.configure({ policy: "key-hash", key: { from: "sni" } });
  assertEquals(pool.key, { from: "sni" });
});

test("clients without a key under key-hash go by the fallback, which sees the same backends", () => {
  const pool = poolOf([{ name: "a" }, { name: "b" }, { name: "c" }], {
    policy: "key-hash",
    fallback: "round-robin",
  });
  assertEquals(picks(pool, 4), ["a", "b", "c", "a"]);
  const keyed = new Set(Array.from({ length: 5 }, () => pool.acquire({ ...CLIENT, key: "x" })?.backend.name));
  assertEquals(keyed.size, 1);
  pool.change("b", { admin: "draining" });
  pool.remove("c");
  assertEquals(picks(pool, 2), ["a", "a"]);
  pool.configure({ fallback: "least-connections" });
  pool.add({ name: "d", address: { host: "10.9.0.9", port: PORT } });
  pool.beat(at(pool, "d"), "answered");
  assertEquals(picks(pool, 3), ["d", "d", "d"]);
  pool.configure({ fallback: "ip-hash" });
  assertEquals(new Set(picks(pool, 5)).size, 1);
});

test("a pool that drains gives no leases until it is told otherwise, and keeps those that are held", async () => {
  const pool = poolOf([{ name: "a" }]);
  const lease = pool.acquire(CLIENT);
  pool.drain();
  const waited = await pool.wait(CLIENT, { signal: new AbortController().signal });
  assertEquals([pool.isDraining, pool.acquire(CLIENT), waited], [true, undefined, undefined]);
  assertEquals([at(pool, "a").active, at(pool, "a").state()], [1, "up"]);
  lease?.[Symbol.dispose]();
  pool.undrain();
  assertEquals([pool.isDraining, ...picks(pool, 1)], [false, "a"]);
});

test("a backend that says it drains takes no clients until it says otherwise, and an operator's wish goes before", () => {
  const pool = poolOf([{ name: "a" }, { name: "b" }]);
  const a = at(pool, "a");
  pool.report(a, { isDraining: true, connections: 7 });
  assertEquals([a.state(), a.reported?.connections, ...picks(pool, 2)], ["draining", 7, "b", "b"]);
  pool.change("a", { admin: "disabled" });
  assertEquals(a.state(), "disabled");
  pool.change("a", { admin: "enabled" });
  assertEquals(a.state(), "draining");
  pool.report(a, {});
  assertEquals([a.state(), new Set(picks(pool, 2)).size], ["up", 2]);
});

test("a backend that drains and then dies is down, and up again when it says that it does not drain", () => {
  const pool = poolOf([{ name: "a" }]);
  const a = at(pool, "a");
  pool.report(a, { isDraining: true });
  miss(pool, a);
  assertEquals(a.state(), "down");
  pool.report(a, { isDraining: false });
  pool.beat(a, "answered");
  pool.beat(a, "answered");
  assertEquals([a.state(), a.available], ["up", true]);
});

test("Pool.capacity sums what backends that serve say they can hold, else their limits, and is unknown where one has neither", () => {
  const pool = poolOf([{ name: "a" }, { name: "b", maxConnections: 50 }, { name: "c", maxConnections: 9 }]);
  assertEquals([pool.capacity, poolOf([]).capacity], [undefined, 0]);
  pool.report(at(pool, "a"), { capacity: 1000 });
  assertEquals(pool.capacity, 1059);
  pool.report(at(pool, "b"), { capacity: 200 });
  miss(pool, at(pool, "c"));
  pool.add({ name: "new", address: { host: "10.9.0.9", port: PORT }, maxConnections: 7 });
  assertEquals(pool.capacity, 1200);
  pool.change("a", { admin: "draining" });
  assertEquals(pool.capacity, 200);
});

test("Pool.capacity is unknown where a backend says 0, as one does that was not told", () => {
  const pool = poolOf([{ name: "a" }]);
  pool.report(at(pool, "a"), { capacity: 0 });
  assertEquals(pool.capacity, undefined);
});

test("Pool.capacity leaves out a backend that is held", () => {
  const specs = [{ maxConnections: 5 }, { maxConnections: 5 }];
  const pool = poolOf(specs, { heartbeat: { threshold: 1 }, clock: new ManualClock() });
  pool.failed(pool.acquire(CLIENT) as Lease);
  assertEquals(pool.capacity, 5);
});

test("Pool.change() makes a backend a backup, and a regular one again", () => {
  const pool = poolOf([{ name: "a" }, { name: "b" }]);
  pool.change("a", { backup: true });
  assertEquals([at(pool, "a").backup, ...picks(pool, 2)], [true, "b", "b"]);
  pool.change("a", { backup: false });
  assertEquals(new Set(picks(pool, 2)).size, 2);
});

test("Pool.change() sets the announced PROXY version and takes it back", () => {
  const pool = poolOf([{ name: "a", proxy: 2 }]);
  assertEquals(pool.change("a", { weight: 2 })?.proxy, 2);
  assertEquals(pool.change("a", { proxy: false })?.proxy, undefined);
  assertEquals(pool.change("a", { proxy: 2 })?.proxy, 2);
});

test("a backend knows since when it is there and in its state, and how often that has changed", () => {
  const clock = new ManualClock(1_000_000);
  const pool = poolOf([{ name: "a" }], { clock });
  const a = at(pool, "a");
  clock.advance(500);
  miss(pool, a);
  assertEquals([a.addedAt, a.stateSince, a.counters.stateChanges], [1_000_000, 1_000_500, 3]);
});

test("a pool that is disposed has no backends, no waiting clients and no timers", async () => {
  const clock = new ManualClock();
  const pool = poolOf(
    [
      { name: "a", maxConnections: 1 },
      { name: "b", maxConnections: 1 },
    ],
    {
      clock,
      policy: "weighted",
      slowStartMs: 1000,
      heartbeat: { threshold: 1 },
    },
  );
  pool.failed(pool.acquire(CLIENT) as Lease);
  const c = pool.add({ name: "c", address: { host: "10.9.0.9", port: PORT }, maxConnections: 1 });
  pool.beat(c, "answered");
  picks(pool, 3);
  const waiting = pool.wait(CLIENT, { signal: new AbortController().signal });
  assertEquals([pool.queued, clock.pending], [1, 3]);
  pool[Symbol.dispose]();
  assertEquals([await waiting, pool.size, pool.queued, clock.pending], [undefined, 0, 0, 0]);
});
