import { assert, assertEquals, assertRejects } from "@std/assert";
import { connectRedis } from "../../src/redis/mod.ts";
import { type RedisRegistryOptions, RegistryError, redisRegistry } from "../../src/registry/mod.ts";
import { startChild } from "../../src/server/mod.ts";
import { redisServer } from "../redis_server.ts";
import { test } from "../testing.ts";
import { log, server } from "./log.ts";
import { testRegistry } from "./registry_conformance.ts";

testRegistry("Redis", async (onError) => {
  const redis = await redisServer();
  const a = await redisRegistry({ url: redis.url, onError });
  const b = await redisRegistry({ url: redis.url, onError });
  return {
    a,
    b,
    async [Symbol.asyncDispose]() {
      for (const part of [a, b, redis]) await part[Symbol.asyncDispose]();
    },
  };
});

/** Options with which an announcement lives through a test and a reading comes soon. */
function quick(url: string, options: Partial<RedisRegistryOptions> = {}): RedisRegistryOptions {
  return {
    url,
    timing: { leaseMs: 5000, renewMs: 100, scanMs: 20, graceMs: 300 },
    connection: { recovery: { reconnect: { firstMs: 5, maxMs: 20 } } },
    ...options,
  };
}

test("a server that was killed is reported as expired when its lease has run out", async () => {
  await using redis = await redisServer();
  await using registry = await redisRegistry(quick(redis.url));
  const seen = log();
  await using _ = await registry.watch(seen);
  const child = await startChild(new URL("./child.ts", import.meta.url).href, [redis.url, "s1"]);
  await seen.told("joined s1 weight=1");
  child.kill("SIGKILL");
  await child.exited;
  await seen.told("left s1 expired");
});

test("a server whose message was lost is found by reading, and what it left behind is tidied up", async () => {
  await using redis = await redisServer();
  await using connection = await connectRedis(redis.url);
  await using registry = await redisRegistry(quick(redis.url));
  const seen = log();
  await using _ = await registry.watch(seen);
  await connection.client.set("chorus:{registry}:server:s1", JSON.stringify(server("s1")));
  await connection.client.sAdd("chorus:{registry}", "s1");
  await seen.told("joined s1 weight=1");
  await connection.client.pExpire("chorus:{registry}:server:s1", 1);
  await seen.told("left s1 expired");
  assertEquals(await connection.client.sMembers("chorus:{registry}"), []);
});

test("a goodbye removes the key at once, and a disposed server is not written again", async () => {
  await using redis = await redisServer();
  await using connection = await connectRedis(redis.url);
  await using registry = await redisRegistry(quick(redis.url, { prefix: "p:" }));
  const announced = await registry.announce(server("s1"));
  assertEquals((await connection.client.keys("*")).toSorted(), ["p:{registry}", "p:{registry}:server:s1"]);
  announced.update({ weight: 2 });
  await announced[Symbol.asyncDispose]();
  announced.update({ weight: 3 });
  await registry.announce(server("s2"));
  assertEquals((await connection.client.keys("*")).toSorted(), ["p:{registry}", "p:{registry}:server:s2"]);
});

test("a Redis that is restarted empty expires nobody within the grace, and the living stay", async () => {
  await using redis = await redisServer();
  const connection = await connectRedis(redis.url);
  await using registry = await redisRegistry(quick(redis.url));
  const seen = log();
  await using _ = await registry.watch(seen);
  await registry.announce(server("living"));
  await connection.client.set("chorus:{registry}:server:dead", JSON.stringify(server("dead")));
  await connection.client.sAdd("chorus:{registry}", "dead");
  await seen.told("joined dead weight=1");
  await connection.close();
  await redis.stop();
  const returnsAfter = performance.now();
  await redis.restart();
  await seen.told("left dead expired");
  assert(performance.now() - returnsAfter >= 300, "it was reported within the grace");
  assertEquals(seen.lines, ["joined living weight=1", "joined dead weight=1", "left dead expired"]);
  await using late = await redisRegistry(quick(redis.url));
  const again = log();
  await using __ = await late.watch(again);
  assertEquals(again.lines, ["joined living weight=1"]);
});

test("a frozen Redis expires nobody, and changes made meanwhile are told after", async () => {
  await using redis = await redisServer();
  const frozen = Promise.withResolvers<void>();
  const options = quick(redis.url, {
    timing: { leaseMs: 5000, renewMs: 50, scanMs: 20, graceMs: 100 },
    connection: { deadlineMs: 100, recovery: { probeMs: 50, reconnect: { firstMs: 5, maxMs: 20 } } },
    onError: () => frozen.resolve(),
  });
  await using registry = await redisRegistry(options);
  const seen = log();
  await using _ = await registry.watch(seen);
  const announced = await registry.announce(server("s1"));
  redis.kill("SIGSTOP");
  await frozen.promise;
  announced.update({ weight: 2 });
  redis.kill("SIGCONT");
  await seen.told("changed s1 weight=2");
  assertEquals(seen.lines, ["joined s1 weight=1", "changed s1 weight=2"]);
});

test("announce() and watch() that were asked for while Redis is away succeed when it is back", async () => {
  await using redis = await redisServer();
  const lost = Promise.withResolvers<void>();
  const onError = (): void => lost.resolve();
  await using registry = await redisRegistry(
    quick(redis.url, { onError, timing: { renewMs: 60_000, scanMs: 20 } }),
  );
  await redis.stop();
  await lost.promise;
  const seen = log();
  const announcing = registry.announce(server("s1"));
  const watching = registry.watch(seen);
  await redis.restart();
  await announcing;
  await using _ = await watching;
  await seen.told("joined s1 weight=1");
});

test("a registry is told nothing of the servers at another database", async () => {
  await using redis = await redisServer();
  await using registry = await redisRegistry(quick(redis.url));
  await using other = await redisRegistry(quick(`${redis.url}/2`));
  const seen = log();
  const seenByOther = log();
  await using _ = await registry.watch(seen);
  await using __ = await other.watch(seenByOther);
  await other.announce(server("s2"));
  await registry.announce(server("s1"));
  await seen.told("joined s1 weight=1");
  await seenByOther.told("joined s2 weight=1");
  assertEquals([seen.lines, seenByOther.lines], [["joined s1 weight=1"], ["joined s2 weight=1"]]);
});

test("a registry that is closed while Redis is away rejects what waits for it", async () => {
  await using redis = await redisServer();
  const lost = Promise.withResolvers<void>();
  const onError = (): void => lost.resolve();
  const registry = await redisRegistry(quick(redis.url, { onError }));
  await redis.stop();
  await lost.promise;
  const waiting = [registry.announce(server("s1")), registry.watch(log())];
  const rejected = waiting.map((one) => assertRejects(() => one, RegistryError));
  await registry[Symbol.asyncDispose]();
  await Promise.all(rejected);
});

test("what is not an announcement is reported once and skipped, whether stored or published", async () => {
  await using redis = await redisServer();
  await using connection = await connectRedis(redis.url);
  const { client } = connection;
  const errors: string[] = [];
  const wrong: Record<string, string> = {
    text: "not JSON",
    list: "[]",
    other: JSON.stringify(server("another")),
    weight: JSON.stringify({ ...server("weight"), weight: "much" }),
  };
  for (const [id, text] of Object.entries(wrong)) {
    await client.multi().sAdd("chorus:{registry}", id).set(`chorus:{registry}:server:${id}`, text).exec();
  }
  await using registry = await redisRegistry(
    quick(redis.url, { onError: ({ message }) => errors.push(message) }),
  );
  const seen = log();
  await using _ = await registry.watch(seen);
  for (const text of ["", "null", '{"seen":{}}', '{"goodbye":1}']) {
    await client.publish("chorus:{registry}:changes", text);
  }
  await registry.announce(server("s1"));
  await seen.told("joined s1 weight=1");
  // Each of these is found by another reading.
  for (const id of ["s2", "s3"]) {
    const text = JSON.stringify(server(id));
    await client.multi().sAdd("chorus:{registry}", id).set(`chorus:{registry}:server:${id}`, text).exec();
    await seen.told(`joined ${id} weight=1`);
  }
  assertEquals(seen.lines.length, 3);
  for (const id of Object.keys(wrong)) {
    assertEquals(errors.filter((message) => message.includes(`"${id}"`)).length, 1);
  }
  assertEquals(errors.length, 8);
});
