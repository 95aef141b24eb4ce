import { after } from "node:test";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { wait } from "../../../src/async/mod.ts";
import {
  GONE_MS,
  PRESENCE_TIMING,
  type Presence,
  PresenceError,
  type RedisPresenceOptions,
  redisPresence,
} from "../../../src/chat/presence/mod.ts";
import { UserHolders } from "../../../src/chat/presence/user_holders.ts";
import { connectKeyspace, connectRedis, partitionOf, taggedName } from "../../../src/redis/mod.ts";
import { startChild } from "../../../src/server/mod.ts";
import { type RedisServer, redisServer } from "../../redis_server.ts";
import { test } from "../../testing.ts";
import { GoneLog } from "./gone_log.ts";
import { testPresence } from "./presence_conformance.ts";
import { redisPresenceKind } from "./redis_presence_kind.ts";
import { TIMING } from "./timing.ts";
import { unexpected } from "./unexpected.ts";

const kind = redisPresenceKind(() => redisServer());
testPresence("Redis", kind.open);
after(() => kind.close());

/** A server whose connection may be lost. */
async function startServer(
  { url }: RedisServer,
  server: string,
  more: Partial<RedisPresenceOptions> = {},
): Promise<{ readonly presence: Presence; readonly gone: GoneLog } & AsyncDisposable> {
  const gone = new GoneLog();
  const options = { server, timing: TIMING, onGone: gone.onGone, onError: () => undefined };
  const presence = await redisPresence({ ...options, url, ...more });
  return { presence, gone, [Symbol.asyncDispose]: () => presence[Symbol.asyncDispose]() };
}

/** Asks until the answer is right; the test's own limit is the deadline. */
async function untilOnline(presence: Presence, users: readonly string[], expected: readonly string[]) {
  for (;;) {
    const found = await presence.online(users).catch((error) => {
      assert(error instanceof PresenceError, String(error));
      return undefined;
    });
    if (found && [...found].join() === expected.join()) return;
    await wait(10);
  }
}

const KEEPING = ["--appendonly", "yes", "--appendfsync", "always"];

test("a server process that is killed has its users reported as gone by a living one", async () => {
  await using redis = await redisServer();
  const child = await startChild(new URL("./presence_child.ts", import.meta.url).href, [
    redis.url,
    "ann",
    "bob",
  ]);
  await new Promise<void>((resolve) => child.channel.on("ready", () => resolve()));
  await using living = await startServer(redis, "living");
  assertEquals(await living.presence.arrive("bob"), false);
  assertEquals([...(await living.presence.online(["ann"]))], ["ann"]);
  child.kill("SIGKILL");
  await child.exited;
  await living.gone.told("ann");
  assertEquals(living.gone.names, ["ann"]);
});

test("the default timing leaves time for a server that dies while it clears away another one", () => {
  const { leaseMs, beatMs, claimMs } = PRESENCE_TIMING;
  assert(leaseMs + claimMs + 2 * beatMs <= GONE_MS);
});

test("a Redis that comes back empty is told again who is where, and nobody is reported as gone", async () => {
  await using redis = await redisServer();
  await using one = await startServer(redis, "one");
  await using two = await startServer(redis, "two");
  await one.presence.arrive("ann");
  await redis.stop();
  await assertRejects(() => one.presence.arrive("bob"), PresenceError);
  await wait(TIMING.leaseMs + TIMING.beatMs);
  await redis.restart();
  await untilOnline(two.presence, ["ann", "bob"], ["ann", "bob"]);
  assertEquals(await one.presence.leave("ann"), true);
  assertEquals([one.gone.names, two.gone.names], [[], []]);
});

test("a Redis that was away longer than a lease makes nobody gone, but who left meanwhile or died", async () => {
  await using redis = await redisServer({ args: KEEPING });
  const gone = new GoneLog();
  await using one = await startServer(redis, "one", { onGone: gone.onGone });
  await using two = await startServer(redis, "two", { onGone: gone.onGone });
  const keyspace = await connectKeyspace(redis.url);
  const options = { server: "dying", onGone: unexpected, onError: () => undefined };
  const dying = await redisPresence({ ...options, keyspace, timing: TIMING });
  await Promise.all([one.presence.arrive("ann"), one.presence.arrive("bob"), dying.arrive("cid")]);
  await redis.stop();
  await keyspace.close();
  await assertRejects(() => one.presence.leave("bob"), PresenceError);
  await wait(TIMING.leaseMs + TIMING.beatMs);
  const backAt = performance.now();
  await redis.restart();
  await untilOnline(two.presence, ["ann"], ["ann"]);
  await gone.told("cid");
  const afterMs = performance.now() - backAt;
  assert(afterMs >= TIMING.graceMs, `it was reported after ${afterMs} ms`);
  await gone.told("bob");
  assertEquals(gone.names.includes("ann"), false);
  await untilOnline(two.presence, ["ann", "bob", "cid"], ["ann"]);
  await dying[Symbol.asyncDispose]();
});

test("a server that was frozen until it was taken for dead writes again what it holds", async () => {
  await using redis = await redisServer();
  await using living = await startServer(redis, "living");
  const child = await startChild(new URL("./presence_child.ts", import.meta.url).href, [redis.url, "ann"]);
  await new Promise<void>((resolve) => child.channel.on("ready", () => resolve()));
  child.kill("SIGSTOP");
  await living.gone.told("ann");
  assertEquals((await living.presence.online(["ann"])).size, 0);
  child.kill("SIGCONT");
  await untilOnline(living.presence, ["ann"], ["ann"]);
  child.kill("SIGKILL");
  await child.exited;
});

test("a server that was taken for dead in error is told of its users, once it holds them again", async () => {
  await using redis = await redisServer();
  await using operator = await connectRedis(redis.url);
  const { promise, resolve } = Promise.withResolvers<readonly string[]>();
  const options = { url: redis.url, timing: TIMING, onGone: unexpected, onError: () => undefined };
  await using one = await redisPresence({ ...options, server: "one", onBack: resolve });
  await one.arrive("ann");
  await operator.client.del(`chorus:${taggedName("servers", "presence")}`);
  assertEquals(await promise, ["ann"]);
  assertEquals([...(await one.online(["ann"]))], ["ann"]);
});

test("a part of Redis that cannot be written makes nobody gone, and is written once it can be", async () => {
  await using redis = await redisServer();
  await using connection = await connectRedis(redis.url);
  await using one = await startServer(redis, "one");
  await using two = await startServer(redis, "two");
  await one.presence.arrive("bob");
  const broken = `chorus:online:{${partitionOf("ann")}}`;
  await connection.client.set(broken, "no hash");
  await assertRejects(() => one.presence.arrive("ann"), PresenceError);
  await wait(TIMING.leaseMs + 2 * TIMING.beatMs);
  assertEquals([...(await two.presence.online(["bob"]))], ["bob"]);
  const lives = await connection.client.zCard(`chorus:${taggedName("servers", "presence")}`);
  assert(lives <= 6, `there are ${lives} lives of two servers`);
  await connection.client.del(broken);
  await untilOnline(two.presence, ["ann", "bob"], ["ann", "bob"]);
  assertEquals([one.gone.names, two.gone.names], [[], []]);
});

test("users of a dead server are given again when whoever clears it away dies before telling of them", async () => {
  await using redis = await redisServer();
  await using keyspace = await connectKeyspace(redis.url);
  const holders = new UserHolders(keyspace, "p:");
  const users = Array.from({ length: 1000 }, (_, index) => `user${index}`);
  await holders.ask("dead", [{ kind: "+", users }]);
  await holders.ask("living", [{ kind: "+", users: ["user7"] }]);
  await assertRejects(() => holders.clear("dead", () => unexpected("died")), Error, "died");
  const gone: string[] = [];
  await holders.clear("dead", (some) => void gone.push(...some));
  assertEquals(gone.toSorted(), users.filter((user) => user !== "user7").toSorted());
  assertEquals(await holders.ask("living", [{ kind: "?", users: ["user7", "user8"] }]), [[["living"], []]]);
});

test("servers that came and went leave nothing in Redis", async () => {
  await using redis = await redisServer();
  await using connection = await connectRedis(redis.url);
  await using living = await startServer(redis, "living", { prefix: "p:" });
  const leaving = await startServer(redis, "leaving", { prefix: "p:" });
  await Promise.all(["ann", "bob"].map((user) => leaving.presence.arrive(user)));
  await leaving[Symbol.asyncDispose]();
  await living.gone.told("ann");
  await living.gone.told("bob");
  await untilKeys(connection.client, ["p:servers:"]);
});

/** Waits until Redis has keys with these beginnings, and no other. */
async function untilKeys(
  client: { keys(pattern: string): Promise<string[]> },
  beginnings: readonly string[],
): Promise<void> {
  for (;;) {
    const keys = await client.keys("*");
    if (
      keys.length === beginnings.length &&
      keys.every((key, index) => key.startsWith(beginnings[index] ?? "-"))
    )
      return;
    await wait(10);
  }
}

test("redisPresence() rejects when nobody listens at the address, and a name with a line break", async () => {
  const redis = await redisServer();
  await redis[Symbol.asyncDispose]();
  const options = { url: redis.url, onGone: unexpected, onError: () => undefined };
  await assertRejects(() => redisPresence({ ...options, server: "one" }), PresenceError);
  await assertRejects(() => redisPresence({ ...options, server: "o\nne" }), TypeError);
});
