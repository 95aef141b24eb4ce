import { createServer } from "node:net";
import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { connectRedis, defineScript, RedisError, type RedisOptions, runScript } from "../../src/redis/mod.ts";
import { redisServer } from "../redis_server.ts";
import { test } from "../testing.ts";

/** Options with which a test sees when the connection goes and comes. */
function watched(): { options: RedisOptions; down: Promise<void>; up: Promise<void>; errors: Error[] } {
  const down = Promise.withResolvers<void>();
  const up = Promise.withResolvers<void>();
  const errors: Error[] = [];
  const options: RedisOptions = {
    recovery: { reconnect: { firstMs: 10, maxMs: 50 } },
    onDown: down.resolve,
    onUp: up.resolve,
    onError: (error) => errors.push(error),
  };
  return { options, down: down.promise, up: up.promise, errors };
}

test("redisServer() says how to install a program that is missing", async () => {
  await assertRejects(() => redisServer({ program: "no-such-redis-server" }), Error, "npm run setup");
});

test("connectRedis() gives a client whose commands are answered", async () => {
  await using redis = await redisServer();
  await using connection = await connectRedis(redis.url);
  assertEquals(connection.isUp, true);
  assertEquals(await connection.client.set("key", "value"), "OK");
  assertEquals(await connection.ask("read a key", (client) => client.get("key")), "value");
});

test("connectRedis() connects over a unix socket, with a password", async () => {
  await using redis = await redisServer({ args: ["--unixsocket", "s", "--requirepass", "right"] });
  await using connection = await connectRedis(`unix://:right@${redis.folder}/s`);
  assertEquals(await connection.client.ping(), "PONG");
});

test("connectRedis() rejects at once with the address when nobody listens there", async () => {
  const redis = await redisServer();
  await redis[Symbol.asyncDispose]();
  const url = redis.url.replace("//", "//ann:secret@");
  const error = await assertRejects(() => connectRedis(url), RedisError, "refused");
  assertEquals(error.code, "unreachable");
  assertStringIncludes(error.message, `redis://ann@127.0.0.1:${redis.port}`);
});

test("connectRedis() rejects with timeout when the other side never answers", async () => {
  await using silent = createServer((socket) => void socket.on("error", () => undefined).resume());
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const address = silent.address();
  assert(typeof address === "object" && address !== null);
  const url = `redis://127.0.0.1:${address.port}`;
  const error = await assertRejects(() => connectRedis(url, { recovery: { connectMs: 100 } }), RedisError);
  assertEquals(error.code, "timeout");
});

test("connectRedis() rejects with rejected when the password is wrong", async () => {
  await using redis = await redisServer({ args: ["--requirepass", "right"] });
  const error = await assertRejects(
    () => connectRedis(redis.url.replace("//", "//:wrong@")),
    RedisError,
    "WRONGPASS",
  );
  assertEquals(error.code, "rejected");
  await using connection = await connectRedis(redis.url.replace("//", "//:right@"));
  assertEquals(await connection.client.ping(), "PONG");
});

test("a connection rejects at once while Redis is away and works again when it is back", async () => {
  await using redis = await redisServer();
  const seen = watched();
  await using connection = await connectRedis(redis.url, seen.options);
  await redis.stop();
  await seen.down;
  assertEquals(connection.isUp, false);
  assertThrows(() => connection.client, RedisError, redis.url);
  const error = await assertRejects(() => connection.ask("ping", (client) => client.ping()), RedisError);
  assertEquals(error.code, "unreachable");
  await redis.restart();
  await seen.up;
  assertEquals(await connection.ask("ping", (client) => client.ping()), "PONG");
  assert(seen.errors.length >= 1, "the loss was not reported");
});

test("a connection reports one cause of failing to connect again once, however often it tries", async () => {
  await using redis = await redisServer();
  const { promise: refused, resolve } = Promise.withResolvers<void>();
  const messages: string[] = [];
  await using connection = await connectRedis(redis.url, {
    recovery: { reconnect: { firstMs: 1, maxMs: 1 } },
    onError(error) {
      messages.push(error.message);
      if (error.message.includes("refused")) setTimeout(resolve, 50);
    },
  });
  await redis.stop();
  await refused;
  assertEquals(connection.isUp, false);
  assertEquals(messages.length, new Set(messages).size);
});

test("ask() rejects commands under way when Redis is killed", async () => {
  await using redis = await redisServer();
  await using connection = await connectRedis(redis.url, watched().options);
  const answer = connection.ask("wait", (client) => client.blPop("none", 0));
  redis.kill("SIGKILL");
  const error = await assertRejects(() => answer, RedisError);
  assertEquals(error.code, "unreachable");
});

test("ask() rejects with timeout when Redis is frozen, and the connection is made anew", async () => {
  await using redis = await redisServer();
  const seen = watched();
  await using connection = await connectRedis(redis.url, { ...seen.options, recovery: { probeMs: 50 } });
  redis.kill("SIGSTOP");
  const error = await assertRejects(() => connection.ask("ping", (client) => client.ping(), 40), RedisError);
  assertEquals(error.code, "timeout");
  await seen.down;
  redis.kill("SIGCONT");
  await seen.up;
  assertEquals(await connection.ask("ping", (client) => client.ping()), "PONG");
});

test("a frozen Redis is found out even while commands are written to it all the time", async () => {
  await using redis = await redisServer();
  const seen = watched();
  await using connection = await connectRedis(redis.url, { ...seen.options, recovery: { probeMs: 50 } });
  redis.kill("SIGSTOP");
  const writing = setInterval(() => {
    if (connection.isUp) connection.client.set("key", "value").catch(() => undefined);
  }, 5);
  await seen.down;
  clearInterval(writing);
});

test("ask() hands over what Redis refuses as rejected, and a mistake of the caller as it is", async () => {
  await using redis = await redisServer();
  await using connection = await connectRedis(redis.url);
  const refused = await assertRejects(
    () => connection.ask("add", (client) => client.sendCommand(["SETBIT", "key", "x", "1"])),
    RedisError,
    "Cannot add: ERR",
  );
  assertEquals(refused.code, "rejected");
  const mistake = (): Promise<unknown> =>
    connection.ask("add", (client) => client.sendCommand(["SET", "key", 1 as unknown as string]));
  await assertRejects(mistake, TypeError);
});

test("ask() tells a write that Redis takes from nobody now from one that it refuses", async () => {
  await using redis = await redisServer({ args: ["--min-replicas-to-write", "1"] });
  await using connection = await connectRedis(redis.url);
  const code = async (args: readonly string[]): Promise<string> =>
    (await assertRejects(() => connection.ask("write", (client) => client.sendCommand(args)), RedisError))
      .code;
  assertEquals(await code(["SET", "key", "value"]), "unwritable");
  assertEquals(await code(["EVAL", "return redis.call('SET', KEYS[1], '')", "1", "key"]), "unwritable");
  await connection.client.configSet({ "min-replicas-to-write": "0", maxmemory: "1" });
  assertEquals(await code(["SET", "key", "value"]), "unwritable");
  assertEquals(await code(["SETBIT", "key", "x", "1"]), "unwritable");
  assertEquals(await code(["GETBIT", "key", "x"]), "rejected");
});

test("ask() refuses a command beyond maxPending as overloaded", async () => {
  await using redis = await redisServer();
  await using connection = await connectRedis(redis.url, { maxPending: 4 });
  const answers = [1, 2, 3, 4, 5].map(() => connection.ask("ping", (client) => client.ping()));
  const error = await assertRejects(() => Promise.all(answers), RedisError);
  assertEquals(error.code, "overloaded");
  assertEquals(await answers[3], "PONG");
});

test("close() waits for what is under way, can be called twice, and later commands are closed", async () => {
  await using redis = await redisServer();
  const connection = await connectRedis(redis.url);
  const answer = connection.ask("ping", (client) => client.ping());
  await Promise.all([connection.close(), connection.close()]);
  assertEquals(await answer, "PONG");
  const error = await assertRejects(() => connection.ask("ping", (client) => client.ping()), RedisError);
  assertEquals(error.code, "closed");
});

test("close() ends within the deadline when Redis is frozen", async () => {
  await using redis = await redisServer();
  const connection = await connectRedis(redis.url, { deadlineMs: 50 });
  redis.kill("SIGSTOP");
  const answer = connection.ask("ping", (client) => client.ping());
  await Promise.all([assertRejects(() => answer, RedisError), connection.close()]);
});

test("a frozen Redis is found out within a second or two when the process is about to end, and closing does not wait for it", async () => {
  await using redis = await redisServer();
  const ending = new AbortController();
  const options = { ...watched().options, ending: ending.signal, recovery: { probeMs: 60_000 } };
  const connection = await connectRedis(redis.url, options);
  redis.kill("SIGSTOP");
  const answer = connection.ask("ping", (client) => client.ping(), 60_000);
  const started = performance.now();
  ending.abort();
  const error = await assertRejects(() => answer, RedisError);
  await connection.close();
  assertEquals(error.code, "unreachable");
  assert(performance.now() - started < 2500);
});

test("close() waits no longer than a second for a frozen Redis when the process is about to end", async () => {
  await using redis = await redisServer();
  const connection = await connectRedis(redis.url, { ...watched().options, ending: AbortSignal.abort() });
  redis.kill("SIGSTOP");
  const answer = connection.ask("ping", (client) => client.ping(), 60_000);
  const started = performance.now();
  await Promise.all([assertRejects(() => answer, RedisError), connection.close()]);
  assert(performance.now() - started < 2500);
});

test("what Redis answers in time is still answered when the process is about to end", async () => {
  await using redis = await redisServer();
  const ending = new AbortController();
  const connection = await connectRedis(redis.url, { ...watched().options, ending: ending.signal });
  redis.kill("SIGSTOP");
  const answer = connection.ask("ping", (client) => client.ping());
  ending.abort();
  setTimeout(() => redis.kill("SIGCONT"), 200);
  await connection.close();
  assertEquals(await answer, "PONG");
});

test("close() ends while the connection is being made anew", async () => {
  await using redis = await redisServer();
  const seen = watched();
  const connection = await connectRedis(redis.url, {
    ...seen.options,
    recovery: { reconnect: { firstMs: 60_000 } },
  });
  await redis.stop();
  await seen.down;
  await connection.close();
});

test("runScript() runs a script that Redis does not know, and again after Redis has forgotten it", async () => {
  await using redis = await redisServer();
  await using connection = await connectRedis(redis.url);
  const add = defineScript("return redis.call('INCRBY', KEYS[1], ARGV[1])");
  assertEquals(await runScript(connection, add, ["sum"], ["2"]), 2);
  assertEquals(await runScript(connection, add, ["sum"], ["3"]), 5);
  await connection.client.scriptFlush();
  assertEquals(await runScript(connection, add, ["sum"], ["4"]), 9);
});

test("runScript() takes and gives bytes as they are", async () => {
  await using redis = await redisServer();
  await using connection = await connectRedis(redis.url);
  const echo = defineScript("return {ARGV[1], redis.call('ECHO', ARGV[2])}");
  const bytes = new Uint8Array([9, 0, 255, 13, 10, 9]).subarray(1, 5);
  const reply = await runScript(connection, echo, [], [bytes, "é"], { replies: "bytes" });
  assert(Array.isArray(reply));
  assertEquals(
    reply.map((item) => [...new Uint8Array(item)]),
    [
      [0, 255, 13, 10],
      [195, 169],
    ],
  );
});

test("runScript() rejects when the script fails", async () => {
  await using redis = await redisServer();
  await using connection = await connectRedis(redis.url);
  const failing = defineScript("return redis.error_reply('NOPE because')");
  const error = await assertRejects(() => runScript(connection, failing, [], []), RedisError, "NOPE because");
  assertEquals(error.code, "rejected");
});
