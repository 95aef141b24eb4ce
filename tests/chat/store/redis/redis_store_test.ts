import { assert, assertEquals, assertRejects } from "@std/assert";
import { redisStore, type Store, StoreError } from "../../../../src/chat/store/mod.ts";
import { redisServer } from "../../../redis_server.ts";
import { test } from "../../../testing.ts";
import { unexpected } from "../open_stores.ts";
import {
  EVERYTHING,
  logPage,
  makeGroup,
  NOW,
  outgoing,
  readAll,
  sendNew,
  sendTexts,
  seqOf,
} from "../store_steps.ts";
import {
  assertUnavailable,
  edit,
  KEEPING,
  KEYS,
  openStore,
  owedOf,
  sendUntilStored,
  until,
  untilAvailable,
} from "./redis_steps.ts";

test("redisStore() writes the messages of a tick with one call for 32 of them", async () => {
  await using redis = await redisServer();
  await using store = await openStore(redis);
  await sendNew(store);
  await edit(redis, (client) => client.configResetStat());
  const results = await Promise.all(Array.from({ length: 96 }, () => store.send(outgoing())));
  assertEquals(
    results.map(seqOf),
    results.map((_, index) => index + 2),
  );
  const stats = await edit(redis, (client) => client.info("commandstats"));
  // The sweep is another one, now and then.
  const calls = Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1]);
  assert(calls <= 4, `${calls} calls`);
});

test("redisStore() goes on after Redis has forgotten its scripts, and keeps the order", async () => {
  await using redis = await redisServer();
  await using store = await openStore(redis);
  await sendNew(store);
  await edit(redis, (client) => client.scriptFlush());
  const results = await Promise.all(Array.from({ length: 300 }, () => store.send(outgoing())));
  assertEquals(
    results.map(seqOf),
    results.map((_, index) => index + 2),
  );
  await edit(redis, (client) => client.scriptFlush());
  const device = await store.openDevice("bob", "phone", NOW);
  await store.ack("bob", "phone", device.epoch, 5, []);
  assertEquals((await store.openDevice("bob", "phone", NOW)).acked, 5);
});

test("redisStore() answers unavailable while Redis is stopped and works again by itself when it is back", async () => {
  await using redis = await redisServer({ args: KEEPING });
  const during = new Set<string>();
  await using store = await openStore(redis, { onError: (_, context) => during.add(context.during) });
  await sendTexts(store, ["1", "2"]);
  await redis.stop();
  await assertUnavailable(() => store.send(outgoing()));
  await assertUnavailable(() => store.findUser("ann"));
  await assertUnavailable(() => store.readInbox("ann", 0, EVERYTHING));
  await assertUnavailable(() => store.openDevice("ann", "phone", NOW));
  await redis.restart();
  await sendUntilStored(store);
  assertEquals([...during], ["connection"]);
  const log = await untilAvailable(() => logPage(store, "ann:bob"));
  const seqs = log.entries.map(({ seq }) => seq);
  assertEquals(
    seqs,
    seqs.map((_, index) => index + 1),
  );
});

test("redisStore() answers unavailable within its deadline when Redis is frozen, also to what waits", async () => {
  await using redis = await redisServer();
  await using store = await openStore(redis, { deadlineMs: 400, onError: () => undefined });
  await sendNew(store);
  redis.kill("SIGSTOP");
  const startedAt = performance.now();
  const sends = Array.from({ length: 2000 }, () => assertUnavailable(() => store.send(outgoing())));
  await Promise.all([...sends, assertUnavailable(() => store.findUser("ann"))]);
  assert(performance.now() - startedAt < 3000, "what waited ran into the deadline batch by batch");
  redis.kill("SIGCONT");
  await sendUntilStored(store);
});

test("redisStore() rejects with unavailable when nobody listens at the address", async () => {
  const redis = await redisServer();
  await redis[Symbol.asyncDispose]();
  await assertUnavailable(() => redisStore({ url: redis.url, onError: unexpected }));
});

test("redisStore() refuses an address that is none", async () => {
  const open = (): Promise<Store> => redisStore({ url: "http://127.0.0.1", onError: unexpected });
  assertEquals((await assertRejects(open, StoreError, "http://127.0.0.1")).code, "unsuitable");
});

test("redisStore() uses no key outside of its prefix", async () => {
  await using redis = await redisServer();
  await using store = await openStore(redis, { prefix: "other:" });
  await store.addToken({ hash: "h", user: "ann", expiresAt: Date.now() + 60_000 });
  await store.openDevice("ann", "phone", NOW);
  await sendNew(store);
  const keys = await edit(redis, (client) => client.keys("*"));
  assertEquals(
    keys.filter((key) => !key.startsWith("other:")),
    [],
  );
  assert(keys.length > 5);
});

test("redisStore() lets Redis forget tokens and what silent devices have sent", async () => {
  await using redis = await redisServer();
  await using store = await openStore(redis);
  await store.addToken({ hash: "h", user: "ann", expiresAt: Date.now() + 60_000 });
  await sendNew(store);
  const [token, dedupe] = await edit(redis, (client) =>
    Promise.all([client.pTTL(KEYS.token("h")), client.pTTL(KEYS.dedupe("ann:bob", "ann", "phone"))]),
  );
  assert(token !== undefined && token > 0 && token <= 60_000, `a token lives for ${token} ms`);
  assert(dedupe !== undefined && dedupe > 3_600_000, `sends are remembered for ${dedupe} ms`);
});

test("redisStore() keeps what a busy device has sent in a table, and in the end no more of it than it has to", async () => {
  await using redis = await redisServer();
  await using store = await openStore(redis, { limits: { dedupeIds: 10 } });
  const key = KEYS.dedupe("ann:bob", "ann", "phone");
  const send = (count: number): Promise<unknown> =>
    Promise.all(Array.from({ length: count }, () => store.send(outgoing())));
  const look = (): Promise<readonly [string | null, number, number]> =>
    edit(redis, (client) => Promise.all([client.objectEncoding(key), client.hLen(key), client.pTTL(key)]));
  await send(63);
  assertEquals((await look())[0], "listpack");
  await send(1);
  assertEquals((await look()).slice(0, 2), ["hashtable", 66]);
  await send(937);
  const [encoding, fields, lifeMs] = await look();
  // The last 11 sends, how many there were, and when its life is put off.
  assertEquals([encoding, fields], ["hashtable", 13]);
  assert(lifeMs > 3_600_000, `sends are remembered for ${lifeMs} ms`);
});

test("redisStore() stores and delivers what it may not hint", async () => {
  await using redis = await redisServer();
  await using store = await openStore(redis);
  await makeGroup(store, "#g", ["ann", "bob"]);
  await edit(redis, (client) => client.sendCommand(["ACL", "SETUSER", "default", "-publish"]));
  assertEquals(await sendNew(store), 1);
  assertEquals(await sendNew(store, { to: "#g" }), 1);
  await until(async () => (await readAll(store, "bob")).length === 2);
  await until(async () => (await owedOf(redis, "#g")) === 0);
});

test("redisStore() refuses the write after the 10,000th that waits", async () => {
  await using redis = await redisServer();
  await using store = await openStore(redis);
  const waiting = Array.from({ length: 10_000 }, () => store.send(outgoing({ to: "ann" })));
  await assertUnavailable(() => store.send(outgoing()));
  await Promise.all(waiting);
  assertEquals(await sendNew(store), 1);
});

test("a store that is closed does what is queued and refuses what comes later", async () => {
  await using redis = await redisServer();
  const store = await openStore(redis);
  const queued = store.send(outgoing());
  await store[Symbol.asyncDispose]();
  assertEquals(seqOf(await queued), 1);
  await assertUnavailable(() => store.send(outgoing()));
  await assertUnavailable(() => store.findUser("ann"));
});
