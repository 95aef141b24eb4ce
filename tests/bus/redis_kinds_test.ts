import { assert, assertEquals } from "@std/assert";
import { type RedisBusOptions, redisBus } from "../../src/bus/mod.ts";
import { connectRedis, taggedName } from "../../src/redis/mod.ts";
import { slotOf } from "../../src/redis/slots.ts";
import { redisCluster } from "../redis_cluster.ts";
import { redisCommand, shared } from "../redis_process.ts";
import { redisSentinel } from "../redis_sentinel.ts";
import { redisServer } from "../redis_server.ts";
import { test } from "../testing.ts";
import { testBus } from "./bus_conformance.ts";
import { bytes, hear } from "./hearing.ts";
import { silentLoss } from "./silent_loss.ts";

const cluster = shared(() => redisCluster());
let pairs = 0;

// Behind Sentinel a bus is the one on one server; only who that server is changes, for which there is a test below.
testBus("Redis Cluster", async (options) => {
  const { url } = await cluster();
  pairs += 1;
  const prefix = `test${pairs}:`;
  const a = await redisBus({ ...options, url, prefix });
  const b = await redisBus({ ...options, url, prefix });
  return {
    a,
    b,
    async [Symbol.asyncDispose]() {
      await a[Symbol.asyncDispose]();
      await b[Symbol.asyncDispose]();
    },
  };
});

/** Users in several partitions, and so on all masters. */
const USERS = Array.from({ length: 60 }, (_, index) => `user:${index}`);

/** Two buses, and every restoring of them. */
async function pair(url: string, options: Partial<RedisBusOptions> = {}) {
  let restored = Promise.withResolvers<void>();
  const onRestored = (): void => {
    restored.resolve();
    restored = Promise.withResolvers();
  };
  const a = await redisBus({ url, ...options });
  const b = await redisBus({ url, onRestored, ...options });
  return {
    a,
    b,
    restored: () => restored.promise,
    async [Symbol.asyncDispose]() {
      await a[Symbol.asyncDispose]();
      await b[Symbol.asyncDispose]();
    },
  };
}

/** Publishes on every channel, again and again, until each was heard. */
async function reaches(
  { a, b }: Awaited<ReturnType<typeof pair>>,
  channels: readonly string[],
): Promise<void> {
  const missing = new Set(channels);
  const all = Promise.withResolvers<void>();
  const subscriptions = await Promise.all(
    channels.map((channel) =>
      b.subscribe(channel, () => {
        missing.delete(channel);
        if (missing.size === 0) all.resolve();
      }),
    ),
  );
  const publishing = setInterval(() => {
    for (const channel of missing) a.publish(channel, bytes("x"));
  }, 20);
  await all.promise;
  clearInterval(publishing);
  await Promise.all(subscriptions.map((subscription) => subscription[Symbol.asyncDispose]()));
}

test("a bus behind Sentinel is restored after the master was killed, with its subscriptions", async () => {
  await using redis = await redisSentinel();
  await using buses = await pair(redis.url);
  await using ear = await hear(buses.b, "user:ann");
  const restored = buses.restored();
  await redis.killMaster();
  await restored;
  await reaches(buses, ["user:ann", ...USERS]);
  assert(ear.heard.length > 0, "the subscription was lost");
});

test("a bus on a Cluster is restored after a master was killed, with its subscriptions", async () => {
  await using redis = await redisCluster({ replicas: 1 });
  await using buses = await pair(redis.url);
  const [first] = redis.nodes;
  assert(first);
  await using ear = await hear(buses.b, "user:0");
  const restored = buses.restored();
  await redis.killMaster(await redis.owner(slotOf(taggedName("user", "0"))));
  await restored;
  await reaches(buses, ["user:0", ...USERS]);
  assert(ear.heard.length > 0, "the subscription was lost");
});

test("a bus on a Cluster follows a channel whose slot is moved, and says that it was restored", async () => {
  const redis = await cluster();
  await using buses = await pair(redis.url, { prefix: "move:" });
  await using ear = await hear(buses.b, "user:ann");
  await using _ = await hear(buses.b, "user:anna");
  const slot = slotOf(`move:${taggedName("user", "ann")}`);
  const restored = buses.restored();
  await redis.moveSlot(slot, await redis.elsewhere(slot));
  await restored;
  await reaches(buses, ["user:ann", "user:anna"]);
  assert(ear.heard.length > 0, "the subscription was lost");
  assertEquals(buses.a.dropped, 0);
});

test("a bus on a Cluster subscribes anew to a channel that a server has ended though its slot stays", async () => {
  const redis = await cluster();
  await using buses = await pair(redis.url, { prefix: "ended:" });
  await using ear = await hear(buses.b, "user:ann");
  const slot = slotOf(`ended:${taggedName("user", "ann")}`);
  const owner = await redis.owner(slot);
  const restored = buses.restored();
  await redisCommand(owner.port, "CLUSTER", "SETSLOT", `${slot}`, "NODE", owner.id);
  await restored;
  await reaches(buses, ["user:ann"]);
  assert(ear.heard.length > 0, "the subscription was lost");
});

test("a channel on a Cluster is subscribed to where its slot is, though the map is older", async () => {
  const redis = await cluster();
  await using buses = await pair(redis.url, { prefix: "late:" });
  const slot = slotOf(`late:${taggedName("user", "ann")}`);
  await redis.moveSlot(slot, await redis.elsewhere(slot));
  await using ear = await hear(buses.b, "user:ann");
  buses.a.publish("user:ann", bytes("x"));
  assertEquals(await ear.hears(1), ["x"]);
});

test("a bus finds out that a channel is not really subscribed to, joins it anew and says that it was restored", async () => {
  await using redis = await redisServer();
  await using proxy = await silentLoss(redis.port);
  await using buses = await pair(proxy.url, { connection: { recovery: { checkMs: 50 } } });
  proxy.spoil(":ann", ":n0n");
  await using ear = await hear(buses.b, "user:ann");
  await using other = await hear(buses.b, "user:bob");
  buses.a.publish("user:ann", bytes("lost"));
  buses.a.publish("user:bob", bytes("heard"));
  await other.hears(1);
  assertEquals(ear.heard, []);
  const restored = buses.restored();
  proxy.heal();
  await restored;
  buses.a.publish("user:ann", bytes("again"));
  assertEquals(await ear.hears(1), ["again"]);
  assertEquals(other.heard, ["heard"]);
});

test("what buses probe channels with is not heard by anybody, and restores nothing while all is well", async () => {
  await using redis = await redisServer();
  await using connection = await connectRedis(redis.url);
  let count = 0;
  const probed = Promise.withResolvers<void>();
  const name = `chorus:${taggedName("user", "ann")}`;
  await connection.client.subscribe(name, () => {
    count += 1;
    if (count === 6) probed.resolve();
  });
  let restored = 0;
  await using buses = await pair(redis.url, {
    connection: { recovery: { checkMs: 20 } },
    onRestored: () => {
      restored += 1;
    },
  });
  await using ears = await hear(buses.a, "user:ann");
  await using more = await hear(buses.b, "user:ann");
  await probed.promise;
  assertEquals([ears.heard, more.heard, restored], [[], [], 0]);
});

test("a bus subscribes to 5,000 channels that are asked for in one tick with few commands", async () => {
  await using redis = await redisServer();
  await using connection = await connectRedis(redis.url);
  await using buses = await pair(redis.url);
  const channels = Array.from({ length: 5000 }, (_, index) => `user:${index}`);
  const subscriptions = await Promise.all(
    channels.map((channel) => buses.b.subscribe(channel, () => undefined)),
  );
  const stats = String(await connection.client.sendCommand(["INFO", "commandstats"]));
  const calls = Number(/cmdstat_subscribe:calls=(\d+)/.exec(stats)?.[1]);
  assert(calls <= 12 + 5, `${calls} commands`);
  await reaches(buses, channels.slice(-5));
  await Promise.all(subscriptions.map((subscription) => subscription[Symbol.asyncDispose]()));
});
