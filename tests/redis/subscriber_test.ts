import { assertEquals, assertRejects } from "@std/assert";
import {
  connectRedis,
  connectSubscriber,
  RedisError,
  type Subscriber,
  type SubscriberOptions,
} from "../../src/redis/mod.ts";
import { redisServer } from "../redis_server.ts";
import { test } from "../testing.ts";

/** A subscriber with what it hears; `next` is the next message, `up` and `down` settle for the first time each. */
async function listen(url: string, options: Partial<SubscriberOptions> = {}) {
  const heard: string[] = [];
  const errors: Error[] = [];
  let arrived = Promise.withResolvers<void>();
  const down = Promise.withResolvers<void>();
  const up = Promise.withResolvers<void>();
  const subscriber: Subscriber = await connectSubscriber(url, {
    recovery: { reconnect: { firstMs: 10, maxMs: 50 } },
    onMessage(channel, payload) {
      heard.push(`${channel} ${payload}`);
      arrived.resolve();
      arrived = Promise.withResolvers();
    },
    onError: (error) => errors.push(error),
    onDown: down.resolve,
    onUp: up.resolve,
    ...options,
  });
  return {
    subscriber,
    heard,
    errors,
    down: down.promise,
    up: up.promise,
    async hears(count: number): Promise<string[]> {
      while (heard.length < count) await arrived.promise;
      return heard;
    },
    [Symbol.asyncDispose]: () => subscriber.close(),
  };
}

test("a subscriber hears what is published on a channel from join() until leave()", async () => {
  await using redis = await redisServer();
  await using connection = await connectRedis(redis.url);
  await using ear = await listen(redis.url);
  assertEquals(await connection.client.publish("a", "too early"), 0);
  await Promise.all([ear.subscriber.join("a"), ear.subscriber.join("b")]);
  assertEquals(await connection.client.publish("a", "1"), 1);
  await ear.subscriber.leave("a");
  assertEquals(await connection.client.publish("a", "too late"), 0);
  await connection.client.publish("b", "2");
  assertEquals(await ear.hears(2), ["a 1", "b 2"]);
});

test("a subscriber gets bytes as they are", async () => {
  await using redis = await redisServer();
  await using connection = await connectRedis(redis.url);
  const { promise, resolve } = Promise.withResolvers<number[]>();
  await using ear = await listen(redis.url, { onMessage: (_, payload) => resolve([...payload]) });
  await ear.subscriber.join("ä b");
  await connection.client.publish("ä b", Buffer.from([0, 255, 13, 10, 34]));
  assertEquals(await promise, [0, 255, 13, 10, 34]);
});

test("leave() and join() of a channel in one tick end subscribed, and join() and leave() do not", async () => {
  await using redis = await redisServer();
  await using connection = await connectRedis(redis.url);
  await using ear = await listen(redis.url);
  await ear.subscriber.join("a");
  await Promise.all([ear.subscriber.leave("a"), ear.subscriber.join("a")]);
  await Promise.all([ear.subscriber.join("b"), ear.subscriber.leave("b")]);
  assertEquals(await connection.client.pubSubNumSub(["a", "b"]), { a: 1, b: 0 });
});

test("a subscriber listens to all its channels again after Redis was killed and started anew", async () => {
  await using redis = await redisServer();
  await using ear = await listen(redis.url);
  const channels = Array.from({ length: 1100 }, (_, index) => `channel ${index}`);
  await Promise.all(channels.map((channel) => ear.subscriber.join(channel)));
  await redis.restart();
  await ear.up;
  await using connection = await connectRedis(redis.url);
  const counts = await connection.client.pubSubNumSub(channels);
  assertEquals(Object.values(counts).filter((count) => count === 1).length, 1100);
  await connection.client.publish("channel 1099", "again");
  assertEquals(await ear.hears(1), ["channel 1099 again"]);
});

test("join() while Redis is away waits until it is back, and leave() is kept in mind", async () => {
  await using redis = await redisServer();
  await using ear = await listen(redis.url);
  await ear.subscriber.join("old");
  await redis.stop();
  await ear.down;
  const joining = ear.subscriber.join("new");
  await ear.subscriber.leave("old");
  await redis.restart();
  await joining;
  await using connection = await connectRedis(redis.url);
  assertEquals(await connection.client.pubSubNumSub(["old", "new"]), { old: 0, new: 1 });
});

test("join() that waits too long rejects, and the channel is not joined later", async () => {
  await using redis = await redisServer();
  await using ear = await listen(redis.url, { deadlineMs: 50 });
  await redis.stop();
  await ear.down;
  const error = await assertRejects(() => ear.subscriber.join("a"), RedisError, `subscribe to "a"`);
  assertEquals(error.code, "timeout");
  await redis.restart();
  await ear.up;
  await using connection = await connectRedis(redis.url);
  assertEquals(await connection.client.pubSubNumSub(["a"]), { a: 0 });
});

test("join() that a frozen Redis answers after the deadline leaves nothing joined", async () => {
  await using redis = await redisServer();
  await using ear = await listen(redis.url, { deadlineMs: 500, recovery: { probeMs: 60_000 } });
  redis.kill("SIGSTOP");
  const error = await assertRejects(() => ear.subscriber.join("a"), RedisError);
  assertEquals(error.code, "timeout");
  redis.kill("SIGCONT");
  await using connection = await connectRedis(redis.url);
  await ear.subscriber.join("b");
  assertEquals(await connection.client.pubSubNumSub(["a", "b"]), { a: 0, b: 1 });
});

test("join() that Redis refuses rejects with rejected", async () => {
  await using redis = await redisServer();
  await using connection = await connectRedis(redis.url);
  await connection.client.sendCommand(["ACL", "SETUSER", "default", "resetchannels", "&chorus:*"]);
  await using ear = await listen(redis.url);
  const error = await assertRejects(() => ear.subscriber.join("forbidden"), RedisError, "NOPERM");
  assertEquals(error.code, "rejected");
  await ear.subscriber.join("chorus:allowed");
});

test("a subscriber that Redis cuts off hears again", async () => {
  await using redis = await redisServer();
  await using connection = await connectRedis(redis.url);
  await using ear = await listen(redis.url);
  await ear.subscriber.join("a");
  await connection.client.sendCommand(["CLIENT", "KILL", "TYPE", "pubsub"]);
  await ear.up;
  await connection.client.publish("a", "1");
  assertEquals(await ear.hears(1), ["a 1"]);
});

test("a subscriber finds out that Redis is frozen and comes back with it", async () => {
  await using redis = await redisServer();
  await using ear = await listen(redis.url, { recovery: { probeMs: 30 } });
  await ear.subscriber.join("a");
  redis.kill("SIGSTOP");
  await ear.down;
  redis.kill("SIGCONT");
  await ear.up;
  await using connection = await connectRedis(redis.url);
  await connection.client.publish("a", "1");
  assertEquals(await ear.hears(1), ["a 1"]);
});

test("a handler that throws is reported and the next message arrives", async () => {
  await using redis = await redisServer();
  await using connection = await connectRedis(redis.url);
  const { promise, resolve } = Promise.withResolvers<string>();
  const onMessage = (_: string, payload: Uint8Array): void => {
    if (`${payload}` === "bad") throw new Error("thrown by the handler");
    resolve(`${payload}`);
  };
  await using ear = await listen(redis.url, { onMessage });
  await ear.subscriber.join("a");
  await Promise.all(["bad", "good"].map((payload) => connection.client.publish("a", payload)));
  assertEquals(await promise, "good");
  assertEquals(
    ear.errors.map((error) => error.message),
    ["thrown by the handler"],
  );
});

test("close() rejects a join() under way with closed", async () => {
  await using redis = await redisServer();
  await using ear = await listen(redis.url);
  await redis.stop();
  await ear.down;
  const joining = ear.subscriber.join("a");
  await ear.subscriber.close();
  const error = await assertRejects(() => joining, RedisError);
  assertEquals(error.code, "closed");
});
