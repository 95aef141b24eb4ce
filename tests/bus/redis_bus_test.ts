import { assert, assertEquals, assertRejects } from "@std/assert";
import { ManualClock } from "../../src/async/mod.ts";
import { BusError, type RedisBusOptions, redisBus } from "../../src/bus/mod.ts";
import { connectRedis, RedisError, taggedName } from "../../src/redis/mod.ts";
import { redisServer } from "../redis_server.ts";
import { test } from "../testing.ts";
import { testBus } from "./bus_conformance.ts";
import { bytes, hear } from "./hearing.ts";

testBus("Redis", async (options) => {
  const redis = await redisServer();
  const a = await redisBus({ ...options, url: redis.url });
  const b = await redisBus({ ...options, url: redis.url });
  return {
    a,
    b,
    async [Symbol.asyncDispose]() {
      await a[Symbol.asyncDispose]();
      await b[Symbol.asyncDispose]();
      await redis[Symbol.asyncDispose]();
    },
  };
});

/** A bus whose going and coming back a test can wait for. */
async function returning(url: string, options: Partial<RedisBusOptions> = {}) {
  const restored = Promise.withResolvers<void>();
  const lost = Promise.withResolvers<void>();
  let losses = 0;
  const bus = await redisBus({
    url,
    onRestored: restored.resolve,
    onError(error) {
      if (error.message.startsWith("Cannot keep the connection")) losses += 1;
      // One connection for each direction.
      if (losses === 2) lost.resolve();
    },
    connection: { recovery: { reconnect: { firstMs: 5, maxMs: 20 } } },
    ...options,
  });
  return {
    bus,
    lost: lost.promise,
    restored: restored.promise,
    [Symbol.asyncDispose]: () => bus[Symbol.asyncDispose](),
  };
}

test("redisBus() rejects and leaves nothing open when there is no Redis", async () => {
  const redis = await redisServer();
  await redis[Symbol.asyncDispose]();
  const error = await assertRejects(() => redisBus({ url: redis.url }), RedisError);
  assertEquals(error.code, "unreachable");
});

test("a Redis bus publishes and hears again after Redis was stopped and restarted", async () => {
  await using redis = await redisServer();
  await using server = await returning(redis.url);
  await using ear = await hear(server.bus, "user:ann");
  await redis.stop();
  await redis.restart();
  await server.restored;
  server.bus.publish("user:ann", bytes("again"));
  assertEquals(await ear.hears(1), ["again"]);
});

test("a Redis bus drops and counts what is published while Redis is away", async () => {
  await using redis = await redisServer();
  await using server = await returning(redis.url);
  await using ear = await hear(server.bus, "user:ann");
  await redis.stop();
  await server.lost;
  const { dropped } = server.bus;
  for (let i = 0; i < 10; i++) server.bus.publish("user:ann", bytes("lost"));
  await redis.restart();
  await server.restored;
  assertEquals(server.bus.dropped, dropped + 10);
  server.bus.publish("user:ann", bytes("kept"));
  assertEquals(await ear.hears(1), ["kept"]);
});

test("a Redis bus confirms nothing while Redis is frozen or away", async () => {
  await using redis = await redisServer();
  await using server = await returning(redis.url);
  const codeOf = async () => {
    const publishing = (): Promise<void> => server.bus.publishConfirmed("user:ann", bytes("hello"));
    return (await assertRejects(publishing, BusError, 'Cannot publish on "user:ann"')).code;
  };
  redis.kill("SIGSTOP");
  assertEquals(await codeOf(), "unavailable");
  redis.kill("SIGCONT");
  await server.bus.publishConfirmed("user:ann", bytes("hello"));
  await redis.stop();
  await server.lost;
  assertEquals(await codeOf(), "unavailable");
});

test("a Redis bus drops what is beyond its limit while Redis is frozen, and works again after", async () => {
  await using redis = await redisServer();
  await using server = await returning(redis.url, { maxPendingBytes: 1_048_576 });
  await using ear = await hear(server.bus, "a");
  redis.kill("SIGSTOP");
  const payload = new Uint8Array(65_536);
  for (let i = 0; i < 100; i++) server.bus.publish("a", payload);
  assertEquals(server.bus.dropped, 85);
  redis.kill("SIGCONT");
  await ear.hears(15);
  server.bus.publish("a", bytes("after"));
  assertEquals((await ear.hears(16)).at(-1), "after");
});

test("a Redis bus rejects a subscription as unavailable within the deadline when Redis is frozen", async () => {
  await using redis = await redisServer();
  const bus = await redisBus({ url: redis.url, connection: { deadlineMs: 500 } });
  redis.kill("SIGSTOP");
  const error = await assertRejects(() => bus.subscribe("a", () => undefined), BusError, '"chorus:a:');
  assertEquals(error.code, "unavailable");
  redis.kill("SIGCONT");
  await using ear = await hear(bus, "a");
  bus.publish("a", bytes("x"));
  assertEquals(await ear.hears(1), ["x"]);
  await bus[Symbol.asyncDispose]();
});

test("a subscription asked for while Redis is away is there when Redis is back", async () => {
  await using redis = await redisServer();
  await using server = await returning(redis.url);
  await redis.stop();
  const hearing = hear(server.bus, "a");
  await redis.restart();
  await using ear = await hearing;
  await server.restored;
  server.bus.publish("a", bytes("x"));
  assertEquals(await ear.hears(1), ["x"]);
});

test("a Redis bus leaves a channel only when it was without a subscription for lingerMs", async () => {
  await using redis = await redisServer();
  await using connection = await connectRedis(redis.url);
  const clock = new ManualClock();
  await using bus = await redisBus({ url: redis.url, prefix: "p:", lingerMs: 1000, clock });
  const name = `p:${taggedName("a", "")}`;
  const subscribers = async (): Promise<unknown> => (await connection.client.pubSubNumSub(name))[name];
  const first = await hear(bus, "a");
  await first.subscription[Symbol.asyncDispose]();
  clock.advance(999);
  assertEquals(await subscribers(), 1);
  const second = await hear(bus, "a");
  await second.subscription[Symbol.asyncDispose]();
  clock.advance(999);
  assertEquals(await subscribers(), 1);
  clock.advance(1);
  // Another channel, so that the answer comes after the leaving.
  await using _ = await hear(bus, "b");
  assertEquals(await subscribers(), 0);
});

test("two Redis buses with different prefixes do not hear each other", async () => {
  await using redis = await redisServer();
  await using one = await redisBus({ url: redis.url, prefix: "one:" });
  await using two = await redisBus({ url: redis.url, prefix: "two:" });
  await using first = await hear(one, "a");
  await using second = await hear(two, "a");
  one.publish("a", bytes("for one"));
  two.publish("a", bytes("for two"));
  assertEquals([await first.hears(1), await second.hears(1)], [["for one"], ["for two"]]);
});

test("Redis buses at two databases do not hear each other", async () => {
  await using redis = await redisServer();
  await using one = await redisBus({ url: redis.url });
  await using two = await redisBus({ url: `${redis.url}/2` });
  await using first = await hear(one, "user:ann");
  await using second = await hear(two, "user:ann");
  await one.publishConfirmed("user:ann", bytes("for one"));
  await two.publishConfirmed("user:ann", bytes("for two"));
  assertEquals([await first.hears(1), await second.hears(1)], [["for one"], ["for two"]]);
});

test("a Redis bus reports once what Redis refuses to publish, and counts each", async () => {
  await using redis = await redisServer();
  await using connection = await connectRedis(redis.url);
  const refused = Promise.withResolvers<Error>();
  const errors: Error[] = [];
  await using bus = await redisBus({
    url: redis.url,
    onError(error) {
      errors.push(error);
      refused.resolve(error);
    },
  });
  await connection.client.sendCommand(["ACL", "SETUSER", "default", "-publish"]);
  for (let i = 0; i < 10; i++) bus.publish("a", bytes("x"));
  const error = await refused.promise;
  assert(error instanceof RedisError);
  assertEquals(error.code, "rejected");
  await bus.subscribe("a", () => undefined);
  assertEquals([errors.length, bus.dropped], [1, 10]);
});
