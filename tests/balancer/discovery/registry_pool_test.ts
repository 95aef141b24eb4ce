import { assertEquals } from "@std/assert";
import { ManualClock } from "../../../src/async/mod.ts";
import { FIRST_READING_MS } from "../../../src/balancer/discovery/first_reading.ts";
import { Membership } from "../../../src/balancer/discovery/membership.ts";
import { watchRegistry } from "../../../src/balancer/discovery/registry_source.ts";
import { createPool } from "../../../src/balancer/pool/pool.ts";
import { localRegistry, type RegistryHandler } from "../../../src/registry/mod.ts";
import { Signal } from "../../helpers.ts";
import { server } from "../../registry/log.ts";
import { test } from "../../testing.ts";
import { at } from "../pool/pools.ts";
import { follow, joined, NAME, namesOf, TestRegistry } from "./registry_world.ts";

test("a pool takes only those who announce themselves for it, and the pool web the chat servers' web sides", async () => {
  const announced = [
    server("chat", { tcp: "10.0.0.1:7001", web: "10.0.0.1:7080" }),
    server("bare", { tcp: "10.0.0.2:7001" }),
    server("inner", { tcp: "10.0.0.3:7001", web: "10.0.0.3:7080", pool: "inner" }),
    server("web", { tcp: "10.0.0.4:7080", pool: "web" }),
  ];
  await using registry = localRegistry();
  for (const announcement of announced) await registry.announce(announcement);
  await using chat = await follow(registry);
  await using inner = await follow(registry, { poolName: "inner" });
  await using web = await follow(registry, { poolName: "web" });
  assertEquals(namesOf(chat.pool), ["10.0.0.1:7001", "10.0.0.2:7001"]);
  assertEquals(namesOf(inner.pool), ["10.0.0.3:7001"]);
  assertEquals(namesOf(web.pool), ["10.0.0.1:7080", "10.0.0.4:7080"]);
});

test("that a server reads PROXY headers, and that it no longer does, reaches its backend", async () => {
  await using world = await joined({ proxy: 2 });
  assertEquals(at(world.pool, NAME).proxy, 2);
  world.registry.tell((handler) => handler.changed(server("a")));
  assertEquals(at(world.pool, NAME).proxy, undefined);
});

test("one that leads back to this balancer is never used, and is reported once with the whole way", async () => {
  await using registry = localRegistry();
  const b = await registry.announce(server("b1", { via: ["b", "c", "a"] }));
  await registry.announce(server("c1", { tcp: "10.0.0.3:1", pool: "inner", via: ["c", "a"] }));
  await using world = await follow(registry, { nodeId: "a" });
  assertEquals(namesOf(world.pool), []);
  assertEquals(world.errors, [
    `discover b1: Cannot add backend ${NAME}: clients would come back, a > b > c > a`,
  ]);
  b.update({ weight: 3 });
  assertEquals([namesOf(world.pool), world.errors.length], [[], 1]);
  b.update({ via: ["b", "c"] });
  assertEquals(namesOf(world.pool), [NAME]);
  b.update({ via: ["b", "a"] });
  assertEquals([namesOf(world.pool), world.errors.length], [[], 2]);
});

test("a watch that takes over from another one removes whom it does not find, but nobody while it finds nobody", async () => {
  await using world = await joined({ tcp: "127.0.0.1:7005" });
  const registry = new TestRegistry();
  const { membership, clock } = world;
  await using _ = await watchRegistry({ registry, membership, clock });
  assertEquals(namesOf(world.pool), ["127.0.0.1:7005"]);
  registry.tell((handler) => handler.joined(server("z")));
  assertEquals(namesOf(world.pool), [NAME]);
});

test("a registry that cannot be read is waited for 5 s, and used when it can", async () => {
  const reading = Promise.withResolvers<void>();
  class SlowRegistry extends TestRegistry {
    override async watch(handler: RegistryHandler): Promise<AsyncDisposable> {
      await reading.promise;
      const watch = await super.watch(handler);
      handler.joined(server("a"));
      return watch;
    }
  }
  const registry = new SlowRegistry();
  const clock = new ManualClock();
  const pool = createPool({ name: "chat", policy: "round-robin", clock });
  using membership = new Membership(pool, { clock });
  const watching = watchRegistry({ registry, membership, clock });
  clock.advance(FIRST_READING_MS);
  await using _ = await watching;
  const added = new Signal<string>();
  using __ = pool.watch({ onAdd: ({ name }) => added.fire(name) });
  reading.resolve();
  assertEquals(await added.wait("the server join"), NAME);
});
