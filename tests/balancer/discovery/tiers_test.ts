import { assert, assertEquals, assertRejects } from "@std/assert";
import { DiscoveryError } from "../../../src/balancer/discovery/error.ts";
import { redisServer } from "../../redis_server.ts";
import { test } from "../../testing.ts";
import { startServer, startTier, visit } from "./tiers.ts";

test("a second inner balancer joins with no restart, and clients reach every server through both", async () => {
  await using redis = await redisServer();
  const { url } = redis;
  await using _ = await startServer(url, "one");
  await using __ = await startServer(url, "two");
  await using outer = await startTier({ redis: url, nodeId: "outer", serves: "inner" });
  await using first = await startTier({ redis: url, nodeId: "first", serves: "chat", into: "inner" });
  await outer.has("an inner balancer of weight 2", (one) => one.state() === "up" && one.weight === 2);
  // Heartbeats of the outer balancer reach a server as clients do, so that nobody's turn is known.
  const seen = new Set<string>();
  for (let client = 0; client < 50 && seen.size < 2; client++) seen.add(await visit(outer));
  assertEquals(seen, new Set(["one", "two"]));
  await using second = await startTier({ redis: url, nodeId: "second", serves: "chat", into: "inner" });
  const isSecond = (name: string): boolean => name.endsWith(`:${portOf(second)}`);
  const joined = await outer.has("the second one", (one) => isSecond(one.name) && one.weight === 2);
  await outer.has("the second one up", (one) => one === joined && one.state() === "up");
  for (let client = 0; client < 4; client++) assert(["one", "two"].includes(await visit(outer)));
  assertEquals([joined.proxy, joined.total], [2, 2]);
  assertEquals([outer.errors, first.errors, second.errors], [[], [], []]);
});

test("an inner balancer that leaves takes no clients with it, and one without healthy backends gets none", async () => {
  await using redis = await redisServer();
  const { url } = redis;
  const server = await startServer(url, "one");
  await using outer = await startTier({ redis: url, nodeId: "outer", serves: "inner" });
  await using first = await startTier({ redis: url, nodeId: "first", serves: "chat", into: "inner" });
  const second = await startTier({ redis: url, nodeId: "second", serves: "chat", into: "inner" });
  const ports = [portOf(first), portOf(second)];
  for (const port of ports)
    await outer.has(
      `${port}`,
      (one) => one.name.endsWith(`:${port}`) && one.state() === "up" && one.weight === 1,
    );
  await second[Symbol.asyncDispose]();
  for (let client = 0; client < 3; client++) assertEquals(await visit(outer), "one");
  assertEquals(outer.pool.size, 1);
  await server[Symbol.asyncDispose]();
  await outer.has("the last one drain", (one) => one.state() === "draining");
});

test("clients come through three tiers", async () => {
  await using redis = await redisServer();
  const { url } = redis;
  await using _ = await startServer(url, "one");
  await using inner = await startTier({ redis: url, nodeId: "c", serves: "chat", into: "inner" });
  await using middle = await startTier({ redis: url, nodeId: "b", serves: "inner", into: "middle" });
  await using outer = await startTier({ redis: url, nodeId: "a", serves: "middle" });
  await outer.has("a middle balancer", (one) => one.state() === "up" && one.weight === 1);
  assertEquals(await visit(outer), "one");
  assertEquals([inner.errors, middle.errors, outer.errors], [[], [], []]);
});

test("a balancer that would close a loop does not start, and says the way", async () => {
  await using redis = await redisServer();
  const { url } = redis;
  await using b = await startTier({ redis: url, nodeId: "b", serves: "q", into: "p" });
  await using c = await startTier({ redis: url, nodeId: "c", serves: "r", into: "q" });
  await b.has("c", (one) => one.name.endsWith(`:${portOf(c)}`));
  const error = await assertRejects(
    () => startTier({ redis: url, nodeId: "a", serves: "p", into: "r" }),
    DiscoveryError,
    'Cannot announce this balancer into pool "r": clients would come back, a > b > c > a',
  );
  assertEquals([error.code, c.pool.size], ["loop", 0]);
});

function portOf({ frontend }: { readonly frontend: { readonly address: object } }): number {
  return "port" in frontend.address ? Number(frontend.address.port) : 0;
}
