import { assertEquals } from "@std/assert";
import { localRegistry } from "../../../src/registry/mod.ts";
import { server } from "../../registry/log.ts";
import { test } from "../../testing.ts";
import { at, miss } from "../pool/pools.ts";
import { follow, joined, NAME, namesOf, TestRegistry } from "./registry_world.ts";

test("of two servers at one address the later one counts, whatever the other one says and when it leaves", async () => {
  await using registry = localRegistry();
  const a = await registry.announce(server("a"));
  await using world = await follow(registry);
  await registry.announce(server("b", { weight: 3 }));
  const backend = at(world.pool, NAME);
  a.update({ draining: true, weight: 2 });
  assertEquals([at(world.pool, NAME), backend.weight, backend.admin], [backend, 3, "enabled"]);
  await a[Symbol.asyncDispose]();
  assertEquals([namesOf(world.pool), at(world.pool, NAME), backend.admin], [[NAME], backend, "enabled"]);
});

test("when the later one of an address leaves, the earlier one is back as it is by then, and the last one ends the name", async () => {
  await using registry = localRegistry();
  const a = await registry.announce(server("a"));
  await using world = await follow(registry);
  const b = await registry.announce(server("b", { weight: 3 }));
  await b[Symbol.asyncDispose]();
  assertEquals([namesOf(world.pool), at(world.pool, NAME).weight], [[NAME], 1]);
  const c = await registry.announce(server("c", { weight: 4 }));
  a.update({ weight: 2 });
  assertEquals(at(world.pool, NAME).weight, 4);
  await c[Symbol.asyncDispose]();
  assertEquals([namesOf(world.pool), at(world.pool, NAME).weight], [[NAME], 2]);
  await a[Symbol.asyncDispose]();
  assertEquals(namesOf(world.pool), []);
});

test("a dead predecessor that is read after its successor does not take the address from it", async () => {
  await using world = await follow(new TestRegistry());
  world.registry.tell((handler) => handler.joined(server("b", { weight: 3, startedAt: 2000 })));
  const backend = at(world.pool, NAME);
  world.registry.tell((handler) => handler.joined(server("a", { startedAt: 1000 })));
  assertEquals([at(world.pool, NAME), backend.weight], [backend, 3]);
  world.registry.tell((handler) => handler.left("a", "expired"));
  miss(world.pool, backend);
  world.clock.advance(60_000);
  assertEquals([namesOf(world.pool), at(world.pool, NAME)], [[NAME], backend]);
});

test("every balancer prefers the same one of those that started at the same time, whichever it reads first", async () => {
  const servers = [server("a", { startedAt: 1000 }), server("b", { startedAt: 1000, weight: 3 })];
  for (const order of [servers, servers.toReversed()]) {
    await using world = await follow(new TestRegistry());
    for (const announcement of order) world.registry.tell((handler) => handler.joined(announcement));
    assertEquals(at(world.pool, NAME).weight, 3);
  }
});

test("where the later one of an address expires the earlier one is back, until the later one is seen again", async () => {
  await using world = await joined({ startedAt: 1000 });
  const b = server("b", { weight: 3, startedAt: 2000 });
  world.registry.tell((handler) => handler.joined(b));
  world.registry.tell((handler) => handler.left("b", "expired"));
  assertEquals(at(world.pool, NAME).weight, 1);
  world.registry.tell((handler) => handler.changed(b));
  assertEquals(at(world.pool, NAME).weight, 3);
  // The last one that is known stays until its heartbeat is down, too.
  world.registry.tell((handler) => {
    handler.left("a", "expired");
    handler.left("b", "expired");
  });
  world.clock.advance(60_000);
  assertEquals(at(world.pool, NAME).weight, 3);
  miss(world.pool, at(world.pool, NAME));
  world.clock.advance(1000);
  assertEquals(namesOf(world.pool), []);
});

test("one that has expired gives its address to the next one that comes, even to one that started before it", async () => {
  await using world = await joined({ startedAt: 2000 });
  world.registry.tell((handler) => {
    handler.left("a", "expired");
    handler.joined(server("b", { weight: 3, startedAt: 1000 }));
  });
  assertEquals(at(world.pool, NAME).weight, 3);
  world.registry.tell((handler) => handler.left("b", "goodbye"));
  assertEquals(namesOf(world.pool), []);
});

test("the later one of an address that moves away leaves it to the earlier one", async () => {
  await using world = await joined();
  world.registry.tell((handler) => handler.joined(server("b", { weight: 3 })));
  world.registry.tell((handler) => handler.changed(server("b", { weight: 3, tcp: "127.0.0.1:7009" })));
  assertEquals(namesOf(world.pool).toSorted(), [NAME, "127.0.0.1:7009"]);
  assertEquals(at(world.pool, NAME).weight, 1);
});
