import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { rebalance } from "../../../src/balancer/connection/rebalance.ts";
import type { Backend } from "../../../src/balancer/pool/backend.ts";
import { test } from "../../testing.ts";
import { at, miss, poolOf } from "../pool/pools.ts";
import { draws, World } from "./tables.ts";

/** A pool of backends of those weights that can have connections, and are evened out. */
function setUp(weights: readonly number[], perSecond: number = 10) {
  const world = new World();
  const pool = poolOf(weights.map((weight, index) => ({ name: `${index}`, weight })));
  const backends = weights.map((_, index) => at(pool, `${index}`));
  const running = rebalance(pool, world.table, { perSecond, random: draws() });
  const join = (weight: number): Backend => {
    const backend = pool.add({ name: "new", weight, address: { host: "10.9.0.99", port: 1 } });
    pool.beat(backend, "answered");
    return backend;
  };
  const counts = (): number[] => backends.map((backend) => world.table.openOn(backend));
  return { world, clock: world.clock, pool, backends, running, join, counts };
}

/** The backend that has fewest connections for its weight. */
function least({ table }: World, backends: readonly Backend[]): Backend {
  const load = (backend: Backend) => table.openOn(backend) / backend.weight;
  return backends.reduce((one, other) => (load(other) < load(one) ? other : one));
}

test("after a backend has joined, connections on those above the mean are closed until none has more than one above it", () => {
  const { world, clock, backends, join, counts } = setUp([1, 1, 1]);
  for (const backend of backends) world.connect(backend, 40);
  const fresh = join(1);
  clock.advance(1000);
  assert(world.closings.length >= 5 && world.closings.length <= 15, `${world.closings.length} in a second`);
  // Who is closed comes again, to the new one.
  for (let closed = 0; clock.pending > 0; clock.advance(100)) {
    world.connect(fresh, world.closings.length - closed);
    closed = world.closings.length;
  }
  const mean = world.table.size / 4;
  assert(
    counts().every((count) => count <= mean + 1),
    `${counts()}`,
  );
  assert(world.closings.length >= 27 && world.closings.length <= 30, `${world.closings.length} were closed`);
  assertEquals(world.reasons, { rebalanced: world.closings.length });
});

test("no run leaves anybody more than one above its share by weight, or closes more than were above the shares", () => {
  const specs = fc.array(fc.record({ weight: fc.integer({ min: 1, max: 5 }), connections: fc.nat(60) }), {
    minLength: 1,
    maxLength: 6,
  });
  fc.assert(
    fc.property(specs, fc.integer({ min: 1, max: 200 }), (given, perSecond) => {
      const { world, clock, backends, join } = setUp(
        given.map(({ weight }) => weight),
        perSecond,
      );
      for (const [index, { connections }] of given.entries())
        world.connect(backends[index] as Backend, connections);
      const total = world.table.size;
      const weights = given.reduce((sum, { weight }) => sum + weight, 1);
      const above = given.map(({ weight, connections }) => connections - (total * weight) / weights);
      const all = [...backends, join(1)];
      for (; clock.pending > 0; clock.advance(50)) {
        // Who is closed comes again, to the one that has least for its weight.
        while (world.table.size < total) world.connect(least(world, all), 1);
      }
      for (const [index, { weight }] of given.entries()) {
        const count = world.table.openOn(backends[index] as Backend);
        assert(
          count <= (total * weight) / weights + 1.000_001,
          `${count} of ${total} for ${weight}/${weights}`,
        );
      }
      const most = above.reduce((sum, count) => sum + Math.ceil(Math.max(0, count)), 0);
      assert(world.closings.length <= most, `${world.closings.length} of ${most}`);
    }),
    { numRuns: 50 },
  );
});

test("a run ends although everybody who is closed comes back to the same backend", () => {
  const { world, clock, backends, join } = setUp([1, 1]);
  for (const backend of backends) world.connect(backend, 30);
  join(1);
  for (let turn = 0; turn < 1000 && clock.pending > 0; turn++) {
    clock.advance(100);
    for (const backend of backends) world.connect(backend, 30 - world.table.of(backend).size);
  }
  assertEquals([world.table.size, clock.pending, world.closings.length], [60, 0, 20]);
});

test("the connections that are closed are those on which nothing has moved for longest", () => {
  const { world, clock, backends, join } = setUp([1], 1000);
  const lines = world.connect(backends[0] as Backend, 300);
  clock.advance(1000);
  for (const [index, line] of lines.entries()) line.activeAt = 100 + ((index * 7) % 300);
  join(2);
  clock.advance(10_000);
  const closed = lines.filter(({ reason }) => reason === "rebalanced").map(({ activeAt }) => activeAt);
  assert(closed.length > 180, `${closed.length} were closed`);
  assertEquals(
    closed.sort((one, other) => one - other),
    closed.map((_, index) => 100 + index),
  );
});

test("a connection on which something has moved since it was found to be idle is passed over", () => {
  const { world, clock, backends, join } = setUp([1], 1);
  const lines = world.connect(backends[0] as Backend, 10);
  for (const [index, line] of lines.entries()) line.activeAt = index - 10;
  join(1);
  const closed = (): number[] => lines.flatMap(({ reason }, index) => (reason ? [index] : []));
  while (closed().length < 1) clock.advance(100);
  for (const line of lines.slice(1, 4)) line.activeAt = clock.now();
  while (closed().length < 2) clock.advance(100);
  assertEquals(closed(), [0, 4]);
});

test("backends that are down, drained, of weight 0 or backups keep their connections, and do not count", () => {
  const world = new World();
  const names = ["full", "down", "draining", "disabled", "none", "spare"];
  const pool = poolOf(names.map((name) => ({ name, backup: name === "spare" })));
  miss(pool, at(pool, "down"));
  pool.change("draining", { admin: "draining" });
  pool.change("disabled", { admin: "disabled" });
  pool.change("none", { weight: 0 });
  for (const name of names) world.connect(at(pool, name), 50);
  using _running = rebalance(pool, world.table, { perSecond: 100, random: draws() });
  pool.beat(pool.add({ name: "new", address: { host: "10.9.0.99", port: 1 } }), "answered");
  world.clock.advance(60_000);
  const counts = names.map((name) => world.table.openOn(at(pool, name)));
  assertEquals([counts, world.clock.pending], [[25, 50, 50, 50, 50, 50], 0]);
});

test("a backend that comes back begins a run, and one that was only suspected or is a backup does not", () => {
  const { world, clock, pool, backends } = setUp([1, 1]);
  const [a, b] = backends as [Backend, Backend];
  world.connect(a, 20);
  miss(pool, b, 1);
  pool.beat(b, "answered");
  const spare = pool.add({ name: "spare", backup: true, address: { host: "10.9.0.98", port: 1 } });
  pool.beat(spare, "answered");
  assertEquals(clock.pending, 0);
  miss(pool, b);
  pool.beat(b, "answered");
  assertEquals(clock.pending, 0);
  pool.beat(b, "answered");
  assertEquals(clock.pending, 1);
  clock.advance(60_000);
  assert(world.closings.length > 0, "nobody was closed");
  assertEquals(clock.pending, 0);
});

test("a run ends when the pool drains, and when it is disposed", () => {
  for (const how of ["drain", "dispose"] as const) {
    const { world, clock, pool, backends, running, join } = setUp([1]);
    world.connect(backends[0] as Backend, 50);
    join(1);
    clock.advance(500);
    const closed = world.closings.length;
    if (how === "drain") pool.drain();
    else running[Symbol.dispose]();
    clock.advance(60_000);
    assertEquals([world.closings.length, clock.pending], [closed, 0]);
  }
});

test("rebalance() refuses a rate that is none", () => {
  for (const perSecond of [0, -1, Number.NaN, Number.POSITIVE_INFINITY])
    assertThrows(() => setUp([1], perSecond), RangeError, `received ${perSecond}`);
});
