import { Buffer } from "node:buffer";
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { wait } from "../../../../src/async/mod.ts";
import type { InboxPlace, Store } from "../../../../src/chat/store/mod.ts";
import { keysOf } from "../../../../src/chat/store/redis/keys.ts";
import { type RedisStoreOptions, redisStore } from "../../../../src/chat/store/redis/store.ts";
import { type RedisServer, redisServer } from "../../../redis_server.ts";
import { test } from "../../../testing.ts";
import { createUsers } from "../open_stores.ts";
import { EVERYTHING, frames, NOW, sendNew, sendTexts, textsOf } from "../store_steps.ts";
import { edit, KEEPING, untilAvailable } from "./redis_steps.ts";

const KEYS = keysOf("chorus:", "chorus:");
const LOG = [KEYS.log("ann:bob"), KEYS.conv("ann:bob")];
const INBOX = [KEYS.mark("bob"), KEYS.inbox("bob"), KEYS.devices("bob")];

/** A Redis that keeps everything over a restart, and a store on it that works by steps as on a Cluster. */
interface Kept extends AsyncDisposable {
  readonly redis: RedisServer;
  readonly store: Store;
  readonly errors: readonly Error[];
}

async function open(options: Partial<RedisStoreOptions> = {}): Promise<Kept> {
  await using opening = new AsyncDisposableStack();
  const redis = opening.use(await redisServer({ args: KEEPING }));
  const errors: Error[] = [];
  const store = opening.use(
    await redisStore(
      {
        url: redis.url,
        onError: (error, { during }) => during === "connection" || errors.push(error),
        ...options,
      },
      { isSplit: true },
    ),
  );
  await createUsers(store, ["ann", "bob", "cid"]);
  const opened = opening.move();
  return { redis, store, errors, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** Restarts Redis: it writes another history from then on. */
async function restart({ redis, store }: Kept): Promise<void> {
  await redis.restart();
  await untilAvailable(() => store.findUser("ann"));
  await untilAvailable(() => store.removeToken("none"));
}

/** Remembers keys; what it returns sets them back. */
async function keep(redis: RedisServer, keys: readonly string[]): Promise<() => Promise<void>> {
  const dump = (key: string): Promise<Buffer> =>
    edit(redis, (client) => client.sendCommand(["DUMP", key], { typeMapping: { 36: Buffer } }));
  const dumps = await Promise.all(keys.map(dump));
  return () =>
    edit(redis, async (client) => {
      for (const [index, key] of keys.entries()) {
        await client.del(key);
        const value = dumps[index];
        if (value) await client.sendCommand(["RESTORE", key, "0", value]);
      }
    });
}

/** Waits until an inbox has so many entries: delivery by steps comes after the answer. */
async function has(store: Store, count: number, user = "bob"): Promise<void> {
  while ((await store.inboxState(user)).top < count) await wait(5);
}

async function placeOf(store: Store): Promise<InboxPlace> {
  const { epoch, top, stamp } = await store.inboxState("bob");
  return { user: "bob", device: "phone", epoch, inbox: top, stamp };
}

test("a restart that lost nothing begins no new epoch, and inboxes are compared once", async () => {
  await using kept = await open();
  const { redis, store } = kept;
  await sendTexts(store, ["1", "2"]);
  await has(store, 2);
  const place = await placeOf(store);
  const before = await edit(redis, (client) => client.hGet(KEYS.mark("bob"), "history"));
  await restart(kept);
  const [finding] = await store.inboxStates([place]);
  assertEquals([finding?.isRolledBack, finding?.epoch, finding?.top], [false, place.epoch, 2]);
  const after = await edit(redis, (client) => client.hGet(KEYS.mark("bob"), "history"));
  assert(before && after && before !== after, `${before} then ${after}`);
  await edit(redis, (client) => client.configResetStat());
  assertEquals((await store.openDevice("bob", "phone", NOW)).epoch, place.epoch);
  await store.inboxStates([place]);
  const stats = await edit(redis, (client) => client.info("commandstats"));
  assertEquals(/cmdstat_hgetall/.test(stats), false);
});

test("an inbox that lost entries gets them again at login, without another message", async () => {
  await using kept = await open();
  const { redis, store } = kept;
  await sendTexts(store, ["1"]);
  await has(store, 1);
  const cursor = await placeOf(store);
  const setBack = await keep(redis, INBOX);
  await sendTexts(store, ["2", "3"]);
  await has(store, 3);
  await setBack();
  assertEquals((await store.inboxState("bob")).top, 1);
  await restart(kept);
  const device = await store.openDevice("bob", "phone", NOW);
  assertEquals([device.epoch, device.top], [cursor.epoch, 3]);
  assertEquals(textsOf(await frames(store, "bob")), ["1", "2", "3"]);
  assertEquals(await store.inboxStates([cursor]).then(([finding]) => finding?.isRolledBack), false);
});

test("a session whose inbox lost what it was sent finds a rollback, and the inbox has everything again", async () => {
  await using kept = await open();
  const { redis, store } = kept;
  await sendTexts(store, ["1"]);
  await has(store, 1);
  const setBack = await keep(redis, INBOX);
  await sendTexts(store, ["2", "3"]);
  await has(store, 3);
  const place = await placeOf(store);
  await setBack();
  await restart(kept);
  const [finding, again] = await store.inboxStates([place, place]);
  assertEquals([finding?.isRolledBack, again?.isRolledBack, finding?.top], [true, true, 3]);
  assertEquals(again?.epoch, finding?.epoch);
  assertNotEquals(finding?.epoch, place.epoch);
  assertEquals(textsOf(await frames(store, "bob")), ["1", "2", "3"]);
});

test("a log that was rolled back begins a new epoch in an inbox that has more, also of a user who was away", async () => {
  await using kept = await open();
  const { redis, store } = kept;
  await sendTexts(store, ["1"]);
  await has(store, 1);
  const setBack = await keep(redis, LOG);
  await sendTexts(store, ["2", "3"]);
  await has(store, 3);
  const place = await placeOf(store);
  await setBack();
  await restart(kept);
  const device = await store.openDevice("bob", "phone", NOW);
  assertNotEquals(device.epoch, place.epoch);
  const [finding] = await store.inboxStates([place]);
  assertEquals([finding?.isRolledBack, finding?.epoch], [true, device.epoch]);
  assertEquals(await sendNew(store, { text: "4" }), 2);
  await has(store, 4);
  assertEquals(textsOf(await frames(store, "bob")).at(-1), "4");
  assertEquals((await store.openDevice("bob", "phone", NOW)).epoch, device.epoch);
});

test("a log that was rolled back and has grown beyond an inbox since is told apart by its stamps", async () => {
  await using kept = await open();
  const { redis, store } = kept;
  await sendTexts(store, ["1"]);
  await has(store, 1);
  const setBackLog = await keep(redis, LOG);
  await sendTexts(store, ["2", "3"]);
  await has(store, 3);
  const place = await placeOf(store);
  const inbox = await keep(redis, INBOX);
  await setBackLog();
  await sendTexts(store, ["4", "5", "6"]);
  await has(store, 4);
  // As if nothing of these had reached the inbox.
  await inbox();
  await restart(kept);
  const [finding] = await store.inboxStates([place]);
  assertEquals(finding?.isRolledBack, true);
  assertEquals(textsOf(await frames(store, "bob")).slice(-3), ["4", "5", "6"]);
});

test("an inbox that cannot be repaired is reported and left for later, and the others are repaired", async () => {
  await using kept = await open();
  const { redis, store, errors } = kept;
  await sendTexts(store, ["1"]);
  await sendTexts(store, ["1"], { to: "cid" });
  await has(store, 1);
  const before = await Promise.all(["bob", "cid"].map((user) => store.inboxState(user)));
  await edit(redis, async (client) => {
    await client.hSet(KEYS.mark("bob"), "m:ann:bob", "0 0 0 0");
    await client.del(KEYS.inbox("bob"));
    await client.set(KEYS.inbox("bob"), "no stream");
  });
  await restart(kept);
  const places = before.map(({ epoch }, index) => ({
    user: ["bob", "cid"][index] ?? "",
    device: "phone",
    epoch,
    inbox: 0,
    stamp: 0,
  }));
  assertEquals(
    (await store.inboxStates(places)).map((finding) => finding?.top),
    [1, 1],
  );
  assertEquals(errors.length, 1);
  const histories = await edit(redis, (client) =>
    Promise.all(["bob", "cid"].map((user) => client.hGet(KEYS.mark(user), "history"))),
  );
  assertNotEquals(histories[0], histories[1]);
});

test("500 inboxes that lost entries are repaired when they are looked at together", async () => {
  await using kept = await open();
  const { redis, store } = kept;
  const users = Array.from({ length: 500 }, (_, index) => `user${index}`);
  await createUsers(store, users);
  await Promise.all(users.map((to) => sendNew(store, { to })));
  const last = users.at(-1) ?? "";
  for (const user of users) await has(store, 1, user);
  await edit(redis, (client) =>
    Promise.all(
      users.map(async (user) => {
        await client.del(KEYS.inbox(user));
        await client.hSet(KEYS.mark(user), { top: "0", stamp: "0", [`m:ann:${user}`]: "0 0 0 0" });
      }),
    ),
  );
  await restart(kept);
  const states = await Promise.all(users.map((user) => store.inboxState(user)));
  const places = states.map(({ epoch }, index) => ({
    user: users[index] ?? "",
    device: "phone",
    epoch,
    inbox: 0,
    stamp: 0,
  }));
  const findings = await store.inboxStates(places);
  assertEquals(findings.filter((finding) => finding?.top === 1 && !finding.isRolledBack).length, 500);
  assertEquals((await store.readInbox(last, 0, EVERYTHING)).length, 1);
});
