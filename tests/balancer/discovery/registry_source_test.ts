import { assert, assertEquals, assertRejects } from "@std/assert";
import { ManualClock } from "../../../src/async/mod.ts";
import { Membership } from "../../../src/balancer/discovery/membership.ts";
import { watchRegistry } from "../../../src/balancer/discovery/registry_source.ts";
import { createPool } from "../../../src/balancer/pool/pool.ts";
import { localRegistry, RegistryError } from "../../../src/registry/mod.ts";
import { server } from "../../registry/log.ts";
import { test } from "../../testing.ts";
import { at, miss } from "../pool/pools.ts";
import { follow, joined, NAME, namesOf, TestRegistry } from "./registry_world.ts";

test("servers that are there, and those that join, become backends with their weights", async () => {
  await using registry = localRegistry();
  await registry.announce(server("a", { weight: 3 }));
  await using world = await follow(registry);
  await registry.announce(server("b", { tcp: "[::1]:7002", draining: true }));
  const [a, b] = [at(world.pool, NAME), at(world.pool, "[::1]:7002")];
  assertEquals([a.weight, a.admin, a.source, a.state()], [3, "enabled", "registry", "suspect"]);
  assertEquals([b.weight, b.admin, b.address], [1, "draining", { host: "::1", port: 7002 }]);
});

test("what a server announces anew changes its backend, whose connections and health stay", async () => {
  await using registry = localRegistry();
  const announced = await registry.announce(server("a"));
  await using world = await follow(registry);
  const backend = at(world.pool, NAME);
  world.pool.beat(backend, "answered");
  using _lease = world.pool.acquire({ host: "10.0.0.1" });
  announced.update({ weight: 5 });
  assertEquals([backend.weight, backend.active, backend.state()], [5, 1, "up"]);
  announced.update({ draining: true });
  assertEquals([backend.state(), world.pool.acquire({ host: "10.0.0.1" })], ["draining", undefined]);
  announced.update({ draining: false });
  assertEquals([backend.state(), at(world.pool, NAME)], ["up", backend]);
});

test("a goodbye removes a backend without connections at once, and a stranger's goodbye removes nobody", async () => {
  await using world = await joined();
  world.registry.tell((handler) => handler.left("b", "goodbye"));
  assertEquals(namesOf(world.pool), [NAME]);
  world.registry.tell((handler) => handler.left("a", "goodbye"));
  assertEquals(namesOf(world.pool), []);
});

test("a goodbye of a server with connections drains it, and it leaves when they are over", async () => {
  await using world = await joined();
  const backend = at(world.pool, NAME);
  const lease = world.pool.acquire({ host: "10.0.0.1" });
  world.registry.tell((handler) => handler.left("a", "goodbye"));
  assertEquals([backend.state(), world.pool.acquire({ host: "10.0.0.1" })], ["draining", undefined]);
  lease?.[Symbol.dispose]();
  world.clock.advance(1000);
  assertEquals(namesOf(world.pool), []);
});

test("an expired server stays while its heartbeat answers, and goes once that is down too", async () => {
  await using world = await joined();
  const backend = at(world.pool, NAME);
  world.pool.beat(backend, "answered");
  world.registry.tell((handler) => handler.left("a", "expired"));
  world.clock.advance(60_000);
  assertEquals([namesOf(world.pool), backend.state()], [[NAME], "up"]);
  miss(world.pool, backend);
  assertEquals(backend.state(), "down");
  world.clock.advance(1000);
  assertEquals(namesOf(world.pool), []);
});

test("a server that is down stays while its lease lives, and one that is seen again is not expired any more", async () => {
  await using world = await joined();
  const backend = at(world.pool, NAME);
  miss(world.pool, backend);
  world.clock.advance(60_000);
  assertEquals(namesOf(world.pool), [NAME]);
  world.registry.tell((handler) => {
    handler.left("a", "expired");
    handler.changed(server("a"));
  });
  world.clock.advance(60_000);
  assertEquals([namesOf(world.pool), at(world.pool, NAME)], [[NAME], backend]);
});

test("what an operator has set stays until the server announces another value of the very same", async () => {
  await using world = await joined({ weight: 2 });
  const backend = at(world.pool, NAME);
  world.pool.change(NAME, { weight: 9, admin: "disabled" });
  world.registry.tell((handler) => handler.changed(server("a", { weight: 2, capacity: 5 })));
  assertEquals([backend.weight, backend.admin], [9, "disabled"]);
  world.registry.tell((handler) => handler.changed(server("a", { weight: 4, capacity: 5 })));
  assertEquals([backend.weight, backend.admin], [4, "disabled"]);
  world.registry.tell((handler) => handler.changed(server("a", { weight: 4, draining: true })));
  assertEquals([backend.weight, backend.admin], [4, "draining"]);
});

test("a successor at the same address replaces its predecessor, whose late end does not touch it", async () => {
  await using world = await joined({ weight: 2 });
  const before = at(world.pool, NAME);
  miss(world.pool, before);
  world.registry.tell((handler) => handler.joined(server("b", { weight: 3 })));
  const after = at(world.pool, NAME);
  assert(after !== before, "the backend is to be a new one");
  assertEquals([after.weight, after.state(), namesOf(world.pool)], [3, "suspect", [NAME]]);
  world.registry.tell((handler) => {
    handler.left("a", "expired");
    handler.left("a", "goodbye");
  });
  assertEquals(at(world.pool, NAME), after);
});

test("an announcement without a usable address or weight is reported with its id, and the others are used", async () => {
  await using world = await follow(new TestRegistry());
  world.registry.tell((handler) => {
    handler.joined(server("bad", { tcp: "nowhere" }));
    handler.joined(server("heavy", { tcp: "127.0.0.1:7003", weight: 1e12 }));
    handler.joined(server("good"));
    handler.changed(server("good", { weight: 1e12 }));
  });
  assertEquals(namesOf(world.pool), [NAME]);
  assertEquals(at(world.pool, NAME).weight, 1);
  assertEquals(world.errors, [
    'discover bad: Cannot add backend nowhere of bad: "nowhere" is not an address; write HOST:PORT, [IPV6]:PORT or unix:PATH',
    "discover 127.0.0.1:7003: Cannot add backend: weight must be 0 to 1000000000, received 1000000000000",
    `discover ${NAME}: Cannot change backend: weight must be 0 to 1000000000, received 1000000000000`,
  ]);
  world.registry.tell((handler) => handler.changed(server("heavy", { tcp: "127.0.0.1:7003", weight: 7 })));
  world.registry.tell((handler) => handler.changed(server("good", { weight: 8 })));
  assertEquals([at(world.pool, "127.0.0.1:7003").weight, at(world.pool, NAME).weight], [7, 8]);
});

test("a server that announces another address is served there, and no longer at the old one", async () => {
  await using world = await joined();
  world.registry.tell((handler) => handler.changed(server("a", { tcp: "127.0.0.1:7009", weight: 2 })));
  assertEquals(namesOf(world.pool), ["127.0.0.1:7009"]);
  assertEquals(at(world.pool, "127.0.0.1:7009").address, { host: "127.0.0.1", port: 7009 });
  world.registry.tell((handler) => handler.left("a", "goodbye"));
  assertEquals(namesOf(world.pool), []);
});

test("a backend that somebody else named is neither taken over nor removed", async () => {
  await using world = await follow(new TestRegistry());
  const own = world.pool.add({ address: { host: "127.0.0.1", port: 7001 }, source: "config" });
  world.registry.tell((handler) => {
    handler.joined(server("a"));
    handler.changed(server("a", { weight: 5 }));
    handler.left("a", "goodbye");
  });
  assertEquals([at(world.pool, NAME), own.weight, world.errors.length], [own, 1, 1]);
  // Removed by an operator, and then named by the configuration.
  world.registry.tell((handler) => handler.joined(server("b", { tcp: "127.0.0.1:7002" })));
  world.pool.remove("127.0.0.1:7002");
  const named = world.pool.add({ address: { host: "127.0.0.1", port: 7002 } });
  world.registry.tell((handler) => {
    handler.changed(server("b", { tcp: "127.0.0.1:7002", weight: 5 }));
    handler.left("b", "goodbye");
  });
  assertEquals([at(world.pool, "127.0.0.1:7002"), named.weight], [named, 1]);
});

test("disposing leaves the pool as it is, hears no more and has no timer", async () => {
  const world = await joined();
  await world[Symbol.asyncDispose]();
  assertEquals([namesOf(world.pool), world.registry.watchers, world.clock.pending], [[NAME], 0, 0]);
});

test("watchRegistry() on a registry that is closed rejects and leaves no timer", async () => {
  const registry = localRegistry();
  await registry[Symbol.asyncDispose]();
  const clock = new ManualClock();
  const membership = new Membership(createPool({ name: "chat", policy: "round-robin" }), { clock });
  await assertRejects(() => watchRegistry({ registry, membership, clock }), RegistryError);
  assertEquals(clock.pending, 0);
});
