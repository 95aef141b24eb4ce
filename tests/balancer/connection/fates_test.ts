import { assert, assertEquals } from "@std/assert";
import { type Fates, watchFates } from "../../../src/balancer/connection/fates.ts";
import type { Backend } from "../../../src/balancer/pool/backend.ts";
import type { Pool } from "../../../src/balancer/pool/pool.ts";
import { test } from "../../testing.ts";
import { at, CLIENT, miss, poolOf } from "../pool/pools.ts";
import { type Line, World } from "./tables.ts";

/** A pool with two backends and a backup, whose connections have their fates. */
function setUp(fates: Fates) {
  const world = new World();
  const pool = poolOf([{ name: "a" }, { name: "b" }, { name: "spare", backup: true }]);
  const watch = watchFates(pool, world.table, () => fates);
  const [a, b, spare] = ["a", "b", "spare"].map((name) => at(pool, name)) as [Backend, Backend, Backend];
  return { world, clock: world.clock, pool, watch, a, b, spare };
}

/** It answers as often as it has to. */
function rise(pool: Pool, backend: Backend): void {
  pool.beat(backend, "answered");
  pool.beat(backend, "answered");
}

function reasonsOf(lines: readonly Line[]): (string | undefined)[] {
  return lines.map(({ reason }) => reason);
}

test("connections stay through all that happens to their backends unless something else was asked for", () => {
  const { world, clock, pool, a, b, spare } = setUp({});
  for (const backend of [a, b, spare]) world.connect(backend, 2);
  miss(pool, a);
  rise(pool, a);
  pool.remove("b");
  clock.advance(60_000);
  assertEquals([world.reasons, world.table.of(b).size, clock.pending], [{}, 2, 0]);
});

test("close on down ends the connections of the backend that went down, and of no other", () => {
  const { world, clock, pool, a, b } = setUp({ down: "close" });
  const [mine, others] = [world.connect(a, 3), world.connect(b, 2)];
  miss(pool, a, 2);
  assertEquals(world.reasons, {});
  miss(pool, a, 1);
  clock.advance(0);
  assertEquals(reasonsOf(mine), new Array(3).fill("backend_down"));
  assertEquals([reasonsOf(others), clock.pending], [[undefined, undefined], 0]);
});

test("a connection that was being dialed while its backend went down is closed as it comes", () => {
  const { world, clock, pool, a } = setUp({ down: "close" });
  const lease = pool.acquire(CLIENT);
  assertEquals(lease?.backend, a);
  miss(pool, a);
  clock.advance(3000);
  const [late] = world.connect(a, 1);
  clock.advance(1000);
  assertEquals(late?.reason, "backend_down");
  lease?.[Symbol.dispose]();
  clock.advance(1000);
  assertEquals(clock.pending, 0);
});

test("a backend that comes back while its connections are being closed keeps those that are left", () => {
  const { world, clock, pool, a } = setUp({ down: { spreadMs: 30_000 } });
  world.connect(a, 60);
  miss(pool, a);
  clock.advance(15_000);
  const closed = world.closings.length;
  assert(closed > 20 && closed < 40, `${closed} of 60 in half of the time`);
  rise(pool, a);
  clock.advance(60_000);
  assertEquals([world.closings.length, clock.pending], [closed, 0]);
});

test("close on up ends what a backend has kept while it was down, and nothing that came since", () => {
  const { world, clock, pool, a, b } = setUp({ up: { spreadMs: 10_000 } });
  const [kept, others] = [world.connect(a, 5), world.connect(b, 1)];
  miss(pool, a);
  rise(pool, a);
  const fresh = world.connect(a, 5);
  clock.advance(10_000);
  assertEquals(reasonsOf(kept), new Array(5).fill("backend_up"));
  assertEquals([...reasonsOf(fresh), ...reasonsOf(others)], new Array(6).fill(undefined));
  assertEquals(clock.pending, 0);
});

test("a backend that is new, or was only suspected or drained, does not come back from being down", () => {
  const { world, clock, pool, a } = setUp({ up: "close" });
  const fresh = pool.add({ name: "fresh", address: { host: "10.9.0.9", port: 1 } });
  for (const backend of [a, fresh]) world.connect(backend, 1);
  miss(pool, a, 1);
  rise(pool, a);
  rise(pool, fresh);
  pool.change("a", { admin: "draining" });
  pool.change("a", { admin: "enabled" });
  clock.advance(60_000);
  assertEquals(world.reasons, {});
});

test("close on removal ends the connections of the removed backend, spread over its time", () => {
  const { world, clock, pool, a, b } = setUp({ removed: { spreadMs: 5000 } });
  const [mine, others] = [world.connect(a, 10), world.connect(b, 1)];
  pool.remove("a");
  clock.advance(2500);
  assert(
    world.closings.length > 2 && world.closings.length < 8,
    `${world.closings.length} of 10 in the middle`,
  );
  clock.advance(2500);
  assertEquals(reasonsOf(mine), new Array(10).fill("backend_removed"));
  assertEquals([reasonsOf(others), clock.pending], [[undefined], 0]);
});

test("the removal of a backend that is down decides about its connections anew", () => {
  const { world, clock, pool, a } = setUp({ down: { spreadMs: 100_000 }, removed: "close" });
  world.connect(a, 10);
  miss(pool, a);
  pool.remove("a");
  clock.advance(0);
  assertEquals([world.reasons, clock.pending], [{ backend_removed: 10 }, 0]);
});

test("connections on backups are closed when a backend that is none comes back, joins or is enabled again", () => {
  const events: ((pool: Pool) => void)[] = [
    (pool) => {
      miss(pool, at(pool, "a"));
      rise(pool, at(pool, "a"));
    },
    (pool) => rise(pool, pool.add({ name: "new", address: { host: "10.9.0.9", port: 1 } })),
    (pool) => {
      pool.change("a", { admin: "disabled" });
      pool.change("a", { admin: "enabled" });
    },
  ];
  for (const happen of events) {
    const { world, clock, pool, a, spare } = setUp({ backup: "close" });
    const [mine, others] = [world.connect(spare, 2), world.connect(a, 2)];
    happen(pool);
    const fresh = world.connect(spare, 1);
    clock.advance(1000);
    assertEquals(reasonsOf(mine), ["backup_released", "backup_released"]);
    assertEquals([...reasonsOf(others), ...reasonsOf(fresh)], [undefined, undefined, undefined]);
  }
});

test("a backup that comes to serve releases nobody, and neither does a regular backend that was only suspected", () => {
  const { world, clock, pool, a, spare } = setUp({ backup: "close" });
  world.connect(spare, 2);
  miss(pool, spare);
  rise(pool, spare);
  miss(pool, a, 1);
  rise(pool, a);
  clock.advance(60_000);
  assertEquals(world.reasons, {});
});

test("the release of backups is called off when the last regular backend goes down again", () => {
  const { world, clock, pool, a, b, spare } = setUp({ backup: { spreadMs: 10_000 } });
  world.connect(spare, 100);
  for (const backend of [a, b]) miss(pool, backend);
  rise(pool, a);
  clock.advance(5000);
  const closed = world.closings.length;
  assert(closed > 30 && closed < 70, `${closed} of 100 in half of the time`);
  miss(pool, a);
  clock.advance(60_000);
  assertEquals([world.closings.length, clock.pending], [closed, 0]);
});

test("fates that are disposed call off what is under way, and nothing happens any more", () => {
  const { world, clock, pool, watch, a, b } = setUp({ down: { spreadMs: 10_000 } });
  for (const backend of [a, b]) world.connect(backend, 10);
  miss(pool, a);
  clock.advance(5000);
  const closed = world.closings.length;
  watch[Symbol.dispose]();
  miss(pool, b);
  clock.advance(60_000);
  assertEquals([world.closings.length, clock.pending], [closed, 0]);
});
