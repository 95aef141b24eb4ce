import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import {
  connectKeyspace,
  defineScript,
  RedisError,
  type RedisKeyspace,
  type RedisOptions,
} from "../../src/redis/mod.ts";
import { slotOf } from "../../src/redis/slots.ts";
import { redisCluster } from "../redis_cluster.ts";
import { redisCommand, shared } from "../redis_process.ts";
import { redisSentinel } from "../redis_sentinel.ts";
import { redisServer } from "../redis_server.ts";
import { test } from "../testing.ts";

const APPEND = defineScript("return redis.call('RPUSH', KEYS[1], ARGV[1])");

/** Keys of all three masters. */
const KEYS = ["{a}:1", "{b}:1", "{c}:1", "{d}:1", "{e}:1", "{f}:1"];

/** A keyspace with what it reports; each event can be waited for. */
async function watched(url: string, options: RedisOptions = {}) {
  let up = Promise.withResolvers<void>();
  let down = Promise.withResolvers<void>();
  const errors: Error[] = [];
  const keyspace = await connectKeyspace(url, {
    onUp: () => {
      up.resolve();
      up = Promise.withResolvers();
    },
    onDown: () => {
      down.resolve();
      down = Promise.withResolvers();
    },
    onError: (error) => errors.push(error),
    ...options,
  });
  return {
    keyspace,
    errors,
    up: () => up.promise,
    down: () => down.promise,
    [Symbol.asyncDispose]: () => keyspace.close(),
  };
}

/** Repeats a write until it is done; what fails meanwhile must be `unreachable` or `timeout`. */
async function writes(keyspace: RedisKeyspace, key: string): Promise<void> {
  for (;;) {
    try {
      await keyspace.command(key, ["SET", key, "after"], { deadlineMs: 500 });
      return;
    } catch (error) {
      assert(error instanceof RedisError && ["unreachable", "timeout"].includes(error.code), String(error));
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const cluster = shared(() => redisCluster({ replicas: 1 }));
const kinds = {
  "one server": shared(redisServer),
  Sentinel: shared(redisSentinel),
  Cluster: cluster,
};

for (const [kind, start] of Object.entries(kinds)) {
  test(`a keyspace on ${kind} runs commands and scripts for any key, and keeps bytes`, async () => {
    const redis = await start();
    await using keyspace = await connectKeyspace(redis.url);
    assertEquals(keyspace.kind, kind === "Cluster" ? "cluster" : "one");
    assertEquals(keyspace.isUp, true);
    const bytes = new Uint8Array([0, 255, 13, 10]);
    for (const key of KEYS) {
      assertEquals(await keyspace.script(APPEND, [key], ["a"]), 1);
      assertEquals(await keyspace.script(APPEND, [key], [bytes]), 2);
      const reply = await keyspace.command(key, ["LRANGE", key, "1", "1"], { replies: "bytes" });
      assert(Array.isArray(reply));
      assertEquals([...reply[0]], [...bytes]);
    }
  });

  test(`a keyspace on ${kind} carries out what was sent for one key in order, and tells failures apart`, async () => {
    const redis = await start();
    await using keyspace = await connectKeyspace(redis.url);
    const numbers = Array.from({ length: 200 }, (_, index) => `${index}`);
    await Promise.all(numbers.map((number) => keyspace.script(APPEND, ["{a}:2"], [number])));
    assertEquals(await keyspace.command("{a}:2", ["LRANGE", "{a}:2", "0", "-1"]), numbers);
    const error = await assertRejects(
      () => keyspace.command("{a}:2", ["INCR", "{a}:2"]),
      RedisError,
      "WRONGTYPE",
    );
    assertEquals(error.code, "rejected");
  });

  test(`a keyspace on ${kind} tells the history of each key's server, and asks every master`, async () => {
    const redis = await start();
    await using keyspace = await connectKeyspace(redis.url);
    const replids = await keyspace.eachMaster(async (command) => {
      const info = String(await command(["INFO", "replication"]));
      return /master_replid:(\w+)/.exec(info)?.[1] ?? "";
    });
    assertEquals(replids.length, kind === "Cluster" ? 3 : 1);
    assertEquals(new Set(KEYS.map((key) => keyspace.history(key))), new Set(replids));
  });

  test(`a keyspace on ${kind} rejects as closed after close(), which waits for what is under way`, async () => {
    const redis = await start();
    const keyspace = await connectKeyspace(redis.url);
    const answer = keyspace.command("{a}:2", ["SET", "{a}:2", "x"]);
    await Promise.all([keyspace.close(), keyspace.close()]);
    assertEquals(await answer, "OK");
    const error = await assertRejects(() => keyspace.command("{a}:2", ["GET", "{a}:2"]), RedisError);
    assertEquals(error.code, "closed");
    assertEquals([keyspace.isUp, keyspace.history("{a}:2")], [false, ""]);
  });
}

test("a keyspace rejects a replica, and a node of a Cluster under the address of one server", async () => {
  await using master = await redisServer();
  await using replica = await redisServer({ args: ["--replicaof", "127.0.0.1", `${master.port}`] });
  const refused = await assertRejects(() => connectKeyspace(replica.url), RedisError, "replica");
  assertEquals(refused.code, "unreachable");
  await using node = await redisServer({ args: ["--cluster-enabled", "yes"] });
  await assertRejects(() => connectKeyspace(node.url), RedisError, "redis+cluster://");
  const wrong = master.url.replace("redis:", "redis+cluster:");
  await assertRejects(() => connectKeyspace(wrong), RedisError, "cluster support disabled");
});

test("a server that has become a replica counts as lost, and as found when it is a master again", async () => {
  await using master = await redisServer();
  await using server = await redisServer();
  await using one = await watched(server.url, { recovery: { reconnect: { firstMs: 5, maxMs: 20 } } });
  const history = one.keyspace.history("a");
  await redisCommand(server.port, "REPLICAOF", "127.0.0.1", `${master.port}`);
  const down = one.down();
  const error = await assertRejects(() => one.keyspace.command("a", ["SET", "a", "1"]), RedisError);
  assertEquals(error.code, "unreachable");
  await down;
  const up = one.up();
  await redisCommand(server.port, "REPLICAOF", "NO", "ONE");
  await up;
  assertEquals(await one.keyspace.command("a", ["SET", "a", "1"]), "OK");
  assertNotEquals(one.keyspace.history("a"), history);
});

test("a server that was made a replica is found out by the probe without a write", async () => {
  await using master = await redisServer();
  await using server = await redisServer();
  await using one = await watched(server.url, { recovery: { probeMs: 30 } });
  const down = one.down();
  await redisCommand(server.port, "REPLICAOF", "127.0.0.1", `${master.port}`);
  await down;
});

test("a keyspace behind Sentinel follows the master over a fail-over in good order", async () => {
  await using redis = await redisSentinel();
  await using one = await watched(redis.url);
  await one.keyspace.command("a", ["SET", "a", "before"]);
  assertEquals(await one.keyspace.command("a", ["WAIT", "1", "5000"]), 1);
  const history = one.keyspace.history("a");
  const up = one.up();
  await redis.failOver();
  await up;
  assertEquals(await one.keyspace.command("a", ["GET", "a"]), "before");
  await writes(one.keyspace, "a");
  assertNotEquals(one.keyspace.history("a"), history);
});

test("a keyspace behind Sentinel finds the new master after the old one was killed", async () => {
  await using redis = await redisSentinel({ replicas: 2 });
  await using one = await watched(redis.url);
  const down = one.down();
  const killing = redis.killMaster();
  await down;
  const error = await assertRejects(() => one.keyspace.command("a", ["SET", "a", "1"]), RedisError);
  assertEquals(error.code, "unreachable");
  await killing;
  await writes(one.keyspace, "a");
});

test("a keyspace behind Sentinel leaves a master that is frozen as soon as another one has taken over", async () => {
  await using redis = await redisSentinel();
  // The probe would find out much later.
  await using one = await watched(redis.url, { recovery: { probeMs: 20_000 } });
  const frozen = await redis.master();
  const up = one.up();
  frozen.kill("SIGSTOP");
  await up;
  frozen.kill("SIGCONT");
  await writes(one.keyspace, "a");
});

test("a keyspace connects while one of three sentinels is gone, and rejects when the name is wrong", async () => {
  await using redis = await redisSentinel();
  await redis.sentinels[0]?.stop();
  await using keyspace = await connectKeyspace(redis.url);
  assertEquals(await keyspace.command("a", ["SET", "a", "1"]), "OK");
  const wrong = redis.url.replace(/chorus$/, "other");
  const error = await assertRejects(() => connectKeyspace(wrong), RedisError, "No such master");
  assertEquals(error.code, "rejected");
});

test("a keyspace gives its password to sentinels and servers that ask for one, and chooses the database", async () => {
  await using redis = await redisSentinel();
  const { port } = await redis.master();
  const password = ["ACL", "SETUSER", "default", "resetpass", ">secret"];
  for (const server of [port, ...redis.sentinels.map((sentinel) => sentinel.port)]) {
    await redisCommand(server, ...password);
  }
  await assertRejects(() => connectKeyspace(redis.url), RedisError, "NOAUTH");
  const url = redis.url.replace("://", "://:secret@");
  await using first = await connectKeyspace(url);
  await using third = await connectKeyspace(`${url}/3`);
  assertEquals(await third.command("a", ["SET", "a", "1"]), "OK");
  assertEquals(await first.command("a", ["EXISTS", "a"]), 0);
});

test("a keyspace on a Cluster follows a slot to another node, during the move and after it", async () => {
  const redis = await cluster();
  await using keyspace = await connectKeyspace(redis.url);
  const [stays, moves] = ["{move}:1", "{move}:2"];
  await keyspace.command(moves, ["SET", moves, "1"]);
  const slot = slotOf(moves);
  const to = await redis.elsewhere(slot);
  const move = await redis.beginMove(slot, to);
  assertEquals(await keyspace.command(moves, ["GET", moves]), "1");
  // Not there, so it is asked for at the new owner, by a script that is not known there either.
  assertEquals(await keyspace.script(APPEND, [stays], ["x"]), 1);
  await move.finish();
  assertEquals(await keyspace.command(moves, ["GET", moves]), "1");
  assertEquals(await keyspace.script(APPEND, [stays], ["y"]), 2);
});

test("a keyspace on a Cluster writes again after a master was killed, and everywhere else meanwhile", async () => {
  await using redis = await redisCluster({ replicas: 1, args: ["--cluster-require-full-coverage", "no"] });
  await using one = await watched(redis.url);
  const [first] = redis.nodes;
  assert(first);
  const owners = await Promise.all(KEYS.map((key) => redis.owner(slotOf(key))));
  const lost = KEYS[owners.indexOf(first)] ?? "";
  const kept = KEYS[owners.findIndex((owner) => owner !== first)] ?? "";
  const history = one.keyspace.history(lost);
  const down = one.down();
  const killing = redis.killMaster(first);
  await down;
  const error = await assertRejects(() => one.keyspace.command(lost, ["SET", lost, "1"]), RedisError);
  assertEquals([error.code, one.keyspace.isUp], ["unreachable", false]);
  assertEquals(await one.keyspace.command(kept, ["SET", kept, "1"]), "OK");
  await killing;
  await writes(one.keyspace, lost);
  assertNotEquals(one.keyspace.history(lost), history);
});

test("a keyspace on a Cluster follows a fail-over in good order, where the old master lives on", async () => {
  const redis = await cluster();
  await using one = await watched(redis.url);
  const replica = redis.nodes[4];
  assert(replica);
  await redis.failOver(replica);
  await Promise.all(KEYS.map((key) => writes(one.keyspace, key)));
  assertEquals(one.keyspace.isUp, true);
});

test("a keyspace connects to a Cluster of which one node is known, and rejects when none answers", async () => {
  const redis = await cluster();
  const [first, second] = redis.nodes;
  assert(first && second);
  const url = `redis+cluster://127.0.0.1:1,127.0.0.1:${second.port}`;
  await using keyspace = await connectKeyspace(url);
  for (const key of KEYS) assertEquals(await keyspace.command(key, ["SET", key, "1"]), "OK");
  const error = await assertRejects(
    () => connectKeyspace("redis+cluster://127.0.0.1:1"),
    RedisError,
    "refused",
  );
  assertEquals(error.code, "unreachable");
});
