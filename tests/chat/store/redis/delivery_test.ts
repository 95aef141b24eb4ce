import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { MAX_WINDOWS } from "../../../../src/chat/store/redis/waiting_windows.ts";
import { partitionOf } from "../../../../src/redis/mod.ts";
import { slotOf } from "../../../../src/redis/slots.ts";
import { redisCluster } from "../../../redis_cluster.ts";
import { redisCommand } from "../../../redis_command.ts";
import { redisServer } from "../../../redis_server.ts";
import { test } from "../../../testing.ts";
import { changeGroup, frames, makeGroup, outgoing, sendNew, textsOf } from "../store_steps.ts";
import { edit, KEYS, openHeard, openStore, owedOf, until } from "./redis_steps.ts";

const SPLIT = { isSplit: true };

test("what could not be delivered in 20 tries is set aside, and counts until it can be", async () => {
  await using redis = await redisServer();
  await using opened = await openHeard(redis, { onError: () => undefined }, SPLIT);
  const { store } = opened;
  await edit(redis, (client) => client.set(KEYS.inbox("bob"), "no stream"));
  await sendNew(store, { text: "1" });
  await opened.frames("ann", 1);
  const partition = partitionOf("ann:bob");
  await edit(redis, async (client) => {
    await client.hSet(KEYS.tries(partition), "d ann:bob", "20");
    await client.zAdd(KEYS.owed(partition), { value: "d ann:bob", score: 1 });
  });
  await until(async () => store.setAside === 1);
  await edit(redis, (client) => client.del(KEYS.inbox("bob")));
  await sendNew(store, { text: "2" });
  assertEquals(textsOf(await opened.frames("bob", 2)), ["1", "2"]);
  await until(async () => store.setAside === 0);
});

for (const [how, ways] of [
  ["in one piece", {}],
  ["by steps", SPLIT],
] as const) {
  test(`hints of a store at a database are heard there and at no other one, ${how}`, async () => {
    await using redis = await redisServer();
    await using first = await openHeard(redis, {}, ways);
    await using second = await openHeard({ url: `${redis.url}/2` }, {}, ways);
    await sendNew(second.store, { text: "of the second" });
    await sendNew(first.store, { text: "of the first" });
    assertMatch((await second.hints("bob", 1)).join(), /of the second/);
    assertMatch((await first.hints("bob", 1)).join(), /of the first/);
  });
}

test("what was set aside is delivered soon after its inbox can be written again, and no longer counts", async () => {
  await using redis = await redisServer();
  await using opened = await openHeard(redis, { onError: () => undefined }, SPLIT);
  const { store } = opened;
  await edit(redis, (client) => client.set(KEYS.inbox("bob"), "no stream"));
  await sendNew(store, { text: "1" });
  const partition = partitionOf("ann:bob");
  await edit(redis, async (client) => {
    await client.hSet(KEYS.tries(partition), "d ann:bob", "20");
    await client.zAdd(KEYS.owed(partition), { value: "d ann:bob", score: 1 });
  });
  // It was tried in vain once more, and is not tried again within a minute.
  await until(async () => (await edit(redis, (client) => client.exists(KEYS.retried(partition)))) === 1);
  await until(async () => (await owedOf(redis, "ann:bob")) === 0);
  assertEquals(store.setAside, 1);
  await edit(redis, async (client) => {
    await client.del(KEYS.inbox("bob"));
    await client.del(KEYS.retried(partition));
  });
  assertEquals(textsOf(await opened.frames("bob", 1)), ["1"]);
  await until(async () => store.setAside === 0);
});

test("a Redis that takes no writes is told of, and what it was to take is not set aside", async () => {
  await using cluster = await redisCluster();
  const failures: Error[] = [];
  await using store = await openStore(cluster, { onError: (error) => failures.push(error) });
  const full = await cluster.owner(slotOf(KEYS.inbox("cid")));
  const other = await cluster.owner(slotOf(KEYS.conv("ann:cid")));
  assertNotEquals(full, other);
  await redisCommand(full.port, "CONFIG", "SET", "maxmemory", "1");
  await sendNew(store, { to: "cid", text: "1" });
  await until(async () => failures.length >= 1);
  const partition = partitionOf("ann:cid");
  await redisCommand(other.port, "HSET", KEYS.tries(partition), "d ann:cid", "19");
  for (let count = 2; count <= 4; count++) {
    await redisCommand(other.port, "ZADD", KEYS.owed(partition), "1", "d ann:cid");
    await until(async () => failures.length >= count || store.setAside > 0);
  }
  assertEquals(store.setAside, 0);
  for (const { message } of failures) assertMatch(message, /^Cannot deliver: OOM /);
  await redisCommand(full.port, "CONFIG", "SET", "maxmemory", "0");
  await until(async () => textsOf(await frames(store, "cid")).length === 1);
});

test("messages of a group have one order for all, whichever server takes them", async () => {
  await using redis = await redisServer();
  await using one = await openHeard(redis);
  await using two = await openStore(redis, {}, SPLIT);
  await makeGroup(one.store, "#g", ["ann", "bob", "cid"]);
  await Promise.all(
    Array.from({ length: 100 }, (_, index) =>
      (index % 2 ? one.store : two).send(
        outgoing({ to: "#g", from: index % 3 ? "ann" : "bob", text: `${index}` }),
      ),
    ),
  );
  const orders = await Promise.all(["ann", "bob", "cid"].map((user) => one.frames(user, 100)));
  for (const order of orders) {
    assertEquals(textsOf(order), textsOf(orders[0] ?? []));
    assertEquals(
      order.map(({ seq }) => seq),
      Array.from({ length: 100 }, (_, index) => index + 1),
    );
  }
});

test("what is sent while a delivery hangs arrives in order, also where it is more than may wait", async () => {
  await using redis = await redisServer();
  const turn = Promise.withResolvers<void>();
  let hold = Promise.resolve();
  await using opened = await openHeard(redis, {}, { hold: () => hold });
  const { store } = opened;
  await makeGroup(store, "#g", ["ann", "bob"]);
  hold = turn.promise;
  const texts = Array.from({ length: 64 * MAX_WINDOWS + 4 }, (_, index) => `${index}`);
  await Promise.all(texts.map((text) => sendNew(store, { to: "#g", text })));
  turn.resolve();
  assertEquals(textsOf(await opened.frames("bob", texts.length)), texts);
  await until(async () => (await owedOf(redis, "#g")) === 0);
});

test("who leaves before a message to the group was delivered gets it, nothing later, and all since they came back", async () => {
  await using redis = await redisServer();
  const turn = Promise.withResolvers<void>();
  let hold = Promise.resolve();
  await using opened = await openHeard(redis, {}, { hold: () => hold });
  const { store } = opened;
  await makeGroup(store, "#g", ["ann", "bob"]);
  hold = turn.promise;
  await sendNew(store, { to: "#g", text: "before" });
  await changeGroup(store, "#g", "bob", { action: "leave" });
  await sendNew(store, { to: "#g", text: "between" });
  await changeGroup(store, "#g", "bob", { action: "join" });
  await sendNew(store, { to: "#g", text: "after" });
  turn.resolve();
  assertEquals(textsOf(await opened.frames("ann", 3)), ["before", "between", "after"]);
  assertEquals(textsOf(await opened.frames("bob", 2)), ["before", "after"]);
  await until(async () => (await owedOf(redis, "#g")) === 0);
  assertEquals(textsOf(await frames(store, "bob")), ["before", "after"]);
});

test("lists of groups and friends agree with the truth soon after a server died in between", async () => {
  await using redis = await redisServer();
  await using opened = await openHeard(redis);
  const { store } = opened;
  await makeGroup(store, "#g", ["ann", "bob"]);
  await store.changeFriend("ann", "request", "bob");
  const lists = [KEYS.groups("bob"), KEYS.friends("bob")];
  const overdue = { score: 1 };
  await edit(redis, async (client) => {
    await client.del(lists);
    await client.hSet(KEYS.changes("#g"), "bob", `m ${Date.now()} 0 0 0 0 ann`);
    await client.zAdd(KEYS.owed(partitionOf("#g")), { value: "g #g", ...overdue });
    await client.zAdd(KEYS.owed(partitionOf("ann:bob")), { value: "f ann:bob", ...overdue });
  });
  await until(async () => (await edit(redis, (client) => client.exists(lists))) === 2);
  const { entries } = await store.groups("bob", "", 10);
  assertEquals(entries, [{ group: "#g", state: "member", by: "ann" }]);
  assertEquals(await store.friends("bob"), [{ name: "ann", state: "incoming" }]);
});

test("a store that delivers by steps goes on after Redis has forgotten its scripts", async () => {
  await using redis = await redisServer();
  await using opened = await openHeard(redis, {}, SPLIT);
  await sendNew(opened.store, { text: "1" });
  await opened.frames("bob", 1);
  await edit(redis, (client) => client.scriptFlush());
  await Promise.all(Array.from({ length: 50 }, () => sendNew(opened.store)));
  const found = await opened.frames("bob", 51);
  assertEquals(
    found.map(({ seq }) => seq),
    Array.from({ length: 51 }, (_, index) => index + 1),
  );
});
