import { assert, assertEquals, assertRejects } from "@std/assert";
import { ManualClock } from "../../src/async/mod.ts";
import { watchRegistry } from "../../src/balancer/discovery/registry_source.ts";
import { createPool, type Pool } from "../../src/balancer/pool.ts";
import {
  type Announcement,
  localRegistry,
  type Registry,
  RegistryError,
  type RegistryHandler,
} from "../../src/registry/mod.ts";
import { server } from "../registry/log.ts";
import { test } from "../testing.ts";
import { at, miss } from "./pools.ts";

const NAME = "127.0.0.1:7001";

/** A registry that says what the test wants, such as what no other would let through. */
class TestRegistry implements Registry {
  readonly #handlers = new Set<RegistryHandler>();

  get watchers(): number {
    return this.#handlers.size;
  }

  tell(call: (handler: RegistryHandler) => void): void {
    for (const handler of this.#handlers) call(handler);
  }

  announce(): never {
    throw new RegistryError("Cannot announce: this one only watches");
  }

  async watch(handler: RegistryHandler): Promise<AsyncDisposable> {
    this.#handlers.add(handler);
    return { [Symbol.asyncDispose]: async () => void this.#handlers.delete(handler) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#handlers.clear();
  }
}

/** A pool that follows a registry, on a clock that is moved by hand. */
async function follow<R extends Registry>(registry: R) {
  const clock = new ManualClock();
  const pool = createPool({ name: "chat", policy: "round-robin" });
  const errors: string[] = [];
  const onError = (error: unknown, { during }: { during: string }): void => {
    errors.push(`${during}: ${error instanceof Error ? error.message : error}`);
  };
  const watch = await watchRegistry({ registry, pool, clock, onError });
  return { registry, clock, pool, errors, [Symbol.asyncDispose]: () => watch[Symbol.asyncDispose]() };
}

/** A pool that follows a registry in which one server has announced itself. */
async function joined(change: Partial<Announcement> = {}) {
  const world = await follow(new TestRegistry());
  world.registry.tell((handler) => handler.joined(server("a", change)));
  return world;
}

function namesOf(pool: Pool): string[] {
  return Array.from(pool.backends(), ({ name }) => name);
}

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

test("a goodbye removes the backend at once, and a stranger's goodbye removes nobody", async () => {
  await using world = await joined();
  world.registry.tell((handler) => handler.left("b", "goodbye"));
  assertEquals(namesOf(world.pool), [NAME]);
  world.registry.tell((handler) => handler.left("a", "goodbye"));
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
  const [address = "", ...weights] = world.errors;
  assert(address.startsWith('discover bad: Cannot add backend bad: "nowhere" is not an address'), address);
  assertEquals(weights, [
    "discover heavy: Cannot add backend: weight must be 0 to 1000000000, received 1000000000000",
    "discover good: Cannot change backend: weight must be 0 to 1000000000, received 1000000000000",
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
  assertEquals([at(world.pool, NAME), own.weight, world.errors.length], [own, 1, 2]);
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
  const pool = createPool({ name: "chat", policy: "round-robin" });
  await assertRejects(
    () => watchRegistry({ registry, pool, clock, onError: () => undefined }),
    RegistryError,
  );
  assertEquals(clock.pending, 0);
});
