import { assert, assertEquals } from "@std/assert";
import { slotOf } from "../../src/redis/slots.ts";
import { type RedisRegistryOptions, redisRegistry } from "../../src/registry/mod.ts";
import { redisCluster } from "../redis_cluster.ts";
import { shared } from "../redis_process.ts";
import { redisSentinel } from "../redis_sentinel.ts";
import { test } from "../testing.ts";
import { log, server } from "./log.ts";
import { testRegistry } from "./registry_conformance.ts";

const cluster = shared(() => redisCluster());
let pairs = 0;

// Behind Sentinel a registry is the one on one server; only who that server is changes, for which there is a test below.
testRegistry("Redis Cluster", async (onError) => {
  const { url } = await cluster();
  pairs += 1;
  const prefix = `test${pairs}:`;
  const a = await redisRegistry({ url, onError, prefix });
  const b = await redisRegistry({ url, onError, prefix });
  return {
    a,
    b,
    async [Symbol.asyncDispose]() {
      for (const part of [a, b]) await part[Symbol.asyncDispose]();
    },
  };
});

/** Options with which a fail-over is longer than a lease. */
function quick(url: string): RedisRegistryOptions {
  return { url, timing: { leaseMs: 1000, renewMs: 100, scanMs: 50, graceMs: 2000 } };
}

test("a registry behind Sentinel expires nobody over a fail-over, and tells changes again after it", async () => {
  await using redis = await redisSentinel();
  await using registry = await redisRegistry(quick(redis.url));
  const seen = log();
  await using _ = await registry.watch(seen);
  const announced = await registry.announce(server("s1"));
  await seen.told("joined s1 weight=1");
  await redis.killMaster();
  announced.update({ weight: 2 });
  await seen.told("changed s1 weight=2");
  assertEquals(seen.lines, ["joined s1 weight=1", "changed s1 weight=2"]);
});

test("a registry on a Cluster expires nobody when the master that holds it is killed", async () => {
  await using redis = await redisCluster({ replicas: 1 });
  await using registry = await redisRegistry(quick(redis.url));
  const seen = log();
  await using _ = await registry.watch(seen);
  const announced = await registry.announce(server("s1"));
  await seen.told("joined s1 weight=1");
  await redis.killMaster(await redis.owner(slotOf("{registry}")));
  announced.update({ weight: 2 });
  await seen.told("changed s1 weight=2");
  assert(!seen.lines.includes("left s1 expired"), seen.lines.join());
});
