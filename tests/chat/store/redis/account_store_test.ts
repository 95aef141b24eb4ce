import { assert, assertEquals } from "@std/assert";
import { ManualClock } from "../../../../src/async/mod.ts";
import { keysOf } from "../../../../src/chat/store/redis/keys.ts";
import { redisServer } from "../../../redis_server.ts";
import { test } from "../../../testing.ts";
import { NOW, outgoing, sendNew } from "../store_steps.ts";
import { assertUnavailable, edit, openStore } from "./redis_steps.ts";

const LATER = Date.now() + 600_000;

test("acks of one tick are one call, and so is looking where 500 inboxes stand", async () => {
  await using redis = await redisServer();
  // By this clock nobody looks for what is owed meanwhile.
  await using store = await openStore(redis, { clock: new ManualClock(NOW) });
  const { epoch } = await store.openDevice("bob", "phone", NOW);
  await Promise.all(Array.from({ length: 100 }, () => store.send(outgoing())));
  await edit(redis, (client) => client.configResetStat());
  const numbers = Array.from({ length: 100 }, (_, index) => index + 1);
  await Promise.all(numbers.map((inbox) => store.ack("bob", "phone", epoch, inbox, [])));
  const place = { user: "bob", device: "phone", epoch, inbox: 0, stamp: 0 };
  await store.inboxStates(Array.from({ length: 500 }, () => place));
  const stats = await edit(redis, (client) => client.info("commandstats"));
  const calls = [...stats.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+),.*?failed_calls=(\d+)/g)];
  const done = calls.reduce((sum, [, all, failed]) => sum + Number(all) - Number(failed), 0);
  assertEquals(done, 2);
  assertEquals((await store.openDevice("bob", "phone", NOW)).acked, 100);
});

test("an ack notes how far each of 1,200 conversations was delivered", async () => {
  await using redis = await redisServer();
  await using store = await openStore(redis);
  const { epoch } = await store.openDevice("ann", "phone", NOW);
  await sendNew(store);
  const names = Array.from({ length: 1200 }, (_, index) => `ann:x${index}`);
  const key = keysOf("chorus:", "chorus:").mark("ann");
  const marks = Object.fromEntries(names.map((name) => [`m:${name}`, "9 123 5 0"]));
  await edit(redis, (client) => client.hSet(key, marks));
  const delivered = names.map((conversation, index) => ({ conversation, seq: 1 + (index % 12) }));
  await store.ack("ann", "phone", epoch, 1, delivered);
  const values = await edit(redis, (client) => client.hGetAll(key));
  assertEquals(
    names.map((name) => values[`m:${name}`]),
    delivered.map(({ seq }) => `9 123 5 ${Math.min(seq, 9)}`),
  );
});

test("a device that only acknowledges counts as used as lately as the one that logged in last", async () => {
  await using redis = await redisServer();
  await using store = await openStore(redis, { limits: { deviceMs: 1000 } });
  const { epoch } = await store.openDevice("bob", "staying", NOW);
  await store.openDevice("bob", "unused", NOW);
  await Promise.all(Array.from({ length: 900 }, () => store.send(outgoing())));
  await store.openDevice("bob", "again", NOW + 2000);
  await store.ack("bob", "staying", epoch, 300, []);
  await store.ack("bob", "again", epoch, 900, []);
  assertEquals((await store.inboxState("bob")).floor, 299);
  await store.ack("bob", "staying", epoch, 900, []);
  assertEquals((await store.inboxState("bob")).floor, 899);
});

test("acks that wait when the store is closed are noted", async () => {
  await using redis = await redisServer();
  await using other = await openStore(redis);
  const store = await openStore(redis);
  await sendNew(store);
  const { epoch } = await store.openDevice("bob", "phone", NOW);
  const acked = store.ack("bob", "phone", epoch, 1, []);
  await store[Symbol.asyncDispose]();
  await acked;
  assertEquals((await other.openDevice("bob", "phone", NOW)).acked, 1);
  await assertUnavailable(() => store.ack("bob", "phone", epoch, 1, []));
});

test("Redis forgets failed logins by itself", async () => {
  await using redis = await redisServer();
  await using store = await openStore(redis);
  for (const name of ["name0", "name1"]) await store.noteLoginTry(name, "host", NOW);
  const lives = await edit(redis, async (client) => {
    const keys = await client.keys("chorus:failures:*");
    return await Promise.all(keys.map((key) => client.pTTL(key)));
  });
  assertEquals(lives.length, 3);
  assert(lives.every((life) => life > 0 && life <= 900_000));
});

test("a server whose clock is ahead forgets no failed logins that others have counted", async () => {
  await using redis = await redisServer();
  await using store = await openStore(redis);
  const now = Date.now();
  for (let count = 0; count < 3; count++) await store.noteLoginTry("ann", "host", now);
  const { before } = await store.noteLoginTry("ann", "host", now + 3_600_000);
  assertEquals(before, { name: 3, host: 3 });
  assertEquals((await store.noteLoginTry("ann", "host", now)).before, { name: 4, host: 4 });
});

test("everything about accounts is unavailable while Redis is stopped", async () => {
  await using redis = await redisServer();
  await using store = await openStore(redis, { onError: () => undefined });
  await redis.stop();
  const place = { user: "ann", device: "phone", epoch: "e", inbox: 0, stamp: 0 };
  for (const ask of [
    () => store.createUser({ name: "dan", password: "" }),
    () => store.findUser("ann"),
    () => store.changePassword("ann", "hash", "other"),
    () => store.addToken({ hash: "a", user: "ann", expiresAt: LATER }),
    () => store.findToken("a", NOW),
    () => store.removeToken("a"),
    () => store.removeTokens("ann"),
    () => store.openDevice("ann", "phone", NOW),
    () => store.ack("ann", "phone", "e", 1, []),
    () => store.inboxState("ann"),
    () => store.inboxStates([place]),
    () => store.noteLoginTry("ann", "host", NOW),
    () => store.takeBackLoginTry({ id: "t", name: "ann", host: "host", before: { name: 0, host: 0 } }),
  ]) {
    await assertUnavailable(ask);
  }
});
