import { assert, assertEquals, assertRejects } from "@std/assert";
import { ManualClock } from "../../../src/async/mod.ts";
import { DiscoveryError } from "../../../src/balancer/discovery/error.ts";
import { FIRST_READING_MS } from "../../../src/balancer/discovery/first_reading.ts";
import { announceTier, type TierOptions } from "../../../src/balancer/discovery/tier.ts";
import { createPool, type Pool } from "../../../src/balancer/pool/pool.ts";
import {
  type Announcement,
  type LocalRegistry,
  localRegistry,
  RegistryError,
  type RegistryHandler,
} from "../../../src/registry/mod.ts";
import { server } from "../../registry/log.ts";
import { test } from "../../testing.ts";
import { at, miss } from "../pool/pools.ts";
import { TestRegistry } from "./registry_world.ts";

/** What a registry has told of one announcement. */
class Heard implements RegistryHandler {
  readonly told: Announcement[] = [];
  readonly gone: string[] = [];
  readonly #pool: string;

  constructor(pool: string) {
    this.#pool = pool;
  }

  get last(): Announcement | undefined {
    return this.told.at(-1);
  }

  joined(announcement: Announcement): void {
    if (announcement.pool === this.#pool) this.told.push(announcement);
  }

  changed(announcement: Announcement): void {
    this.joined(announcement);
  }

  left(id: string): void {
    this.gone.push(id);
  }
}

/** A balancer's only pool, in which servers a, b … have these weights and limits and are up. */
function poolOf(...servers: readonly (readonly [weight: number, maxConnections?: number])[]): Pool {
  const pool = createPool({ name: "chat", policy: "weighted" });
  for (const [index, [weight, maxConnections]] of servers.entries()) {
    const host = String.fromCharCode(97 + index);
    pool.beat(pool.add({ address: { host, port: 1 }, weight, maxConnections }), "answered");
  }
  return pool;
}

function tierOf(registry: LocalRegistry, pool: Pool, more: Partial<TierOptions> = {}): TierOptions {
  const address = { host: "10.0.0.9", port: 7000 };
  return {
    registry,
    nodeId: "b",
    announced: { pool: "inner", address, proxy: 2 },
    pools: [pool],
    serves: ["chat"],
    clock: new ManualClock(),
    ...more,
  };
}

test("a balancer is announced with the capacity of its healthy backends as its weight", async () => {
  await using registry = localRegistry();
  const heard = new Heard("inner");
  await using _ = await registry.watch(heard);
  const clock = new ManualClock();
  await using __ = await announceTier(tierOf(registry, poolOf([1, 100], [5, 50]), { clock }));
  const { id = "", ...rest } = heard.last ?? {};
  assert(id.startsWith("b-"), id);
  assertEquals(rest as Partial<Announcement>, {
    startedAt: clock.wallNow(),
    tcp: "10.0.0.9:7000",
    pool: "inner",
    proxy: 2,
    serves: ["chat"],
    weight: 150,
    capacity: 150,
    draining: false,
    via: ["b"],
  });
});

test("where a backend does not say its capacity, the sum of the weights counts", async () => {
  await using registry = localRegistry();
  const heard = new Heard("inner");
  await using _ = await registry.watch(heard);
  await using __ = await announceTier(tierOf(registry, poolOf([2], [3, 100])));
  assertEquals([heard.last?.weight, heard.last?.capacity, heard.last?.draining], [5, 0, false]);
});

test("a balancer whose backends go down is announced with less, and as draining when none is left", async () => {
  await using registry = localRegistry();
  const heard = new Heard("inner");
  await using _ = await registry.watch(heard);
  const clock = new ManualClock();
  const pool = poolOf([1, 100], [1, 50]);
  await using __ = await announceTier(tierOf(registry, pool, { clock }));
  clock.advance(10_000);
  assertEquals(heard.told.length, 1);
  miss(pool, at(pool, "a:1"));
  clock.advance(50);
  // Another change within the same second has to wait.
  miss(pool, at(pool, "b:1"));
  clock.advance(949);
  assertEquals(
    heard.told.map(({ weight }) => weight),
    [150, 50],
  );
  clock.advance(1000);
  assertEquals([heard.told.length, heard.last?.draining, heard.last?.weight], [3, true, 0]);
  for (let beats = 0; beats < 2; beats++) pool.beat(at(pool, "b:1"), "answered");
  clock.advance(1000);
  assertEquals([heard.last?.draining, heard.last?.capacity], [false, 50]);
});

test("neither a pool that drains nor a backend that has not answered counts, and backups only alone", async () => {
  await using registry = localRegistry();
  const heard = new Heard("inner");
  await using _ = await registry.watch(heard);
  const clock = new ManualClock();
  const pool = poolOf([1, 10]);
  const other = poolOf([1, 20]);
  pool.beat(pool.add({ address: { host: "x", port: 1 }, maxConnections: 500, backup: true }), "answered");
  pool.add({ address: { host: "y", port: 1 }, maxConnections: 1000 });
  await using __ = await announceTier(tierOf(registry, pool, { clock, pools: [pool, other] }));
  assertEquals(heard.last?.capacity, 30);
  other.drain();
  pool.change("a:1", { admin: "draining" });
  clock.advance(1000);
  assertEquals(heard.last?.capacity, 500);
});

test("a balancer names itself and everything behind the pools that it serves, as that changes", async () => {
  await using registry = localRegistry();
  const heard = new Heard("inner");
  await using _ = await registry.watch(heard);
  const clock = new ManualClock();
  await registry.announce(server("other", { pool: "elsewhere", via: ["x"] }));
  await using __ = await announceTier(tierOf(registry, poolOf([1]), { clock }));
  const joined = await registry.announce(server("c1", { via: ["c", "d"] }));
  clock.advance(1000);
  assertEquals(heard.last?.via, ["b", "c", "d"]);
  await joined[Symbol.asyncDispose]();
  clock.advance(1000);
  assertEquals(heard.last?.via, ["b"]);
});

test("announceTier() refuses a loop with the way, announces nothing and leaves no timer", async () => {
  await using registry = localRegistry();
  const heard = new Heard("inner");
  await using _ = await registry.watch(heard);
  await registry.announce(server("c1", { via: ["c", "d"], serves: ["deep"] }));
  await registry.announce(server("d1", { pool: "deep", via: ["d"], serves: ["inner"] }));
  await registry.announce(server("x1", { pool: "other", via: ["x", "b"], serves: ["edge"] }));
  const clock = new ManualClock();
  const refused = async (more: Partial<TierOptions>, path: string): Promise<void> => {
    const options = tierOf(registry, poolOf([1]), { clock, ...more });
    const error = await assertRejects(() => announceTier(options), DiscoveryError, path);
    assertEquals(error.code, "loop");
  };
  const announced = { pool: "chat", address: { host: "10.0.0.9", port: 7000 } };
  await refused({ announced }, 'into pool "chat": clients would come back, b > b');
  await refused({}, "b > c > d > b");
  await refused({ serves: ["other"] }, "b > x > b");
  assertEquals([heard.told, clock.pending], [[], 0]);
});

test("disposing says goodbye and leaves no timer", async () => {
  await using registry = localRegistry();
  const heard = new Heard("inner");
  await using _ = await registry.watch(heard);
  const clock = new ManualClock();
  const tier = await announceTier(tierOf(registry, poolOf([1]), { clock }));
  await tier[Symbol.asyncDispose]();
  await tier[Symbol.asyncDispose]();
  assertEquals([heard.gone, clock.pending], [heard.told.map(({ id }) => id), 0]);
});

test("what cannot be announced rejects: an id that is none, a registry that is closed", async () => {
  const registry = localRegistry();
  const clock = new ManualClock();
  const wrong = tierOf(registry, poolOf([1]), { clock, nodeId: "a>b" });
  await assertRejects(() => announceTier(wrong), TypeError, "via.0");
  await registry[Symbol.asyncDispose]();
  await assertRejects(() => announceTier(tierOf(registry, poolOf([1]), { clock })), RegistryError);
  assertEquals(clock.pending, 0);
});

test("a registry that cannot be read is waited for 5 s, and a loop that it shows later is told", async () => {
  const reading = Promise.withResolvers<void>();
  class SlowRegistry extends TestRegistry {
    override async watch(handler: RegistryHandler): Promise<AsyncDisposable> {
      await reading.promise;
      handler.joined(server("c1", { via: ["c", "b"] }));
      return await super.watch(handler);
    }
  }
  const clock = new ManualClock();
  const told = Promise.withResolvers<unknown>();
  const registry = new SlowRegistry();
  const announcing = announceTier({
    ...tierOf(localRegistry(), poolOf([1]), { clock }),
    registry,
    onError: told.resolve,
  });
  clock.advance(FIRST_READING_MS);
  await using _ = await announcing;
  reading.resolve();
  assert(String(await told.promise).includes("b > c > b"));
});
