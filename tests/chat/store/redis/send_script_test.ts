import { assertEquals, assertNotEquals } from "@std/assert";
import { redisServer } from "../../../redis_server.ts";
import { test } from "../../../testing.ts";
import {
  type Frame,
  frames,
  NOW,
  outgoing,
  readAll,
  sendNew,
  sendTexts,
  seqOf,
  textsOf,
} from "../store_steps.ts";
import { assertUnavailable, edit, KEYS, openHeard, openStore } from "./redis_steps.ts";

/** What an inbox looks like: kind, inbox number, number in the log. */
function shape(all: readonly Frame[]): unknown {
  return all.map(({ type, inbox, seq }) => [type, inbox, seq]);
}

test("a message that fails leaves the others of its batch alone", async () => {
  await using redis = await redisServer();
  await using store = await openStore(redis);
  await edit(redis, (client) => client.set(KEYS.log("ann:bob"), "no stream"));
  const failing = assertUnavailable(() => store.send(outgoing()));
  assertEquals(await sendNew(store, { to: "cid" }), 1);
  await failing;
  assertEquals((await frames(store, "cid")).length, 1);
});

for (const [how, ways] of [
  ["in one piece", {}],
  ["by steps", { isSplit: true }],
] as const) {
  test(`a message whose sending failed after its log was written arrives once, and a repeat of it is known, ${how}`, async () => {
    await using redis = await redisServer();
    await using opened = await openHeard(redis, { onError: () => undefined }, ways);
    const { store } = opened;
    const message = outgoing({ id: "1" });
    await edit(redis, (client) => client.sendCommand(["ACL", "SETUSER", "default", "-pexpire"]));
    await assertUnavailable(() => store.send(message));
    await edit(redis, (client) => client.sendCommand(["ACL", "SETUSER", "default", "+pexpire"]));
    const again = await store.send(message);
    assertEquals([seqOf(again), again.outcome === "stored" && again.duplicate], [1, true]);
    assertEquals(shape(await opened.frames("bob", 1)), [["message", 1, 1]]);
    assertEquals(shape(await opened.frames("ann", 1)), [["message", 1, 1]]);
  });

  test(`an inbox whose size may not be asked for takes messages all the same, ${how}`, async () => {
    await using redis = await redisServer();
    await using opened = await openHeard(redis, { onError: () => undefined }, ways);
    const { store } = opened;
    await edit(redis, (client) => client.sendCommand(["ACL", "SETUSER", "default", "-memory|usage"]));
    await Promise.all(Array.from({ length: 300 }, () => store.send(outgoing())));
    await sendNew(store, { text: "last" });
    const found = await opened.frames("bob", 301);
    assertEquals([found.length, found.at(-1)?.inbox, found.at(-1)?.text], [301, 301, "last"]);
  });
}

test("a send brings what the receiver's inbox misses of the conversation, first and in order", async () => {
  await using redis = await redisServer();
  await using opened = await openHeard(redis);
  const { store } = opened;
  await sendTexts(store, ["1", "2", "3"]);
  const [first] = await opened.frames("ann", 3);
  await edit(redis, async (client) => {
    await client.del(KEYS.inbox("bob"));
    await client.hSet(KEYS.mark("bob"), { top: "0", "m:ann:bob": `1 ${first?.stamp} 0 0` });
  });
  await sendNew(store, { text: "4" });
  assertEquals(
    (await opened.frames("bob", 3)).map(({ inbox, text }) => [inbox, text]),
    [
      [1, "2"],
      [2, "3"],
      [3, "4"],
    ],
  );
  assertEquals((await opened.frames("ann", 4)).length, 4);
});

test("a send puts one gap entry where the log no longer holds what an inbox misses", async () => {
  await using redis = await redisServer();
  await using opened = await openHeard(redis, { limits: { logEntries: 3 } });
  const { store } = opened;
  await sendTexts(store, ["1", "2", "3", "4", "5"]);
  await edit(redis, async (client) => {
    await client.del(KEYS.inbox("bob"));
    await client.hSet(KEYS.mark("bob"), "top", "0");
    await client.hDel(KEYS.mark("bob"), "m:ann:bob");
  });
  await sendNew(store, { text: "6" });
  const found = await opened.frames("bob", 4);
  assertEquals(shape(found), [
    ["gap", 1, 3],
    ["message", 2, 4],
    ["message", 3, 5],
    ["message", 4, 6],
  ]);
  assertEquals([found[0]?.conversation, found[0]?.missing], ["ann:bob", 3]);
});

test("a mark beyond the log begins a new epoch, and the message arrives", async () => {
  await using redis = await redisServer();
  await using opened = await openHeard(redis);
  const { store } = opened;
  await sendTexts(store, ["1"]);
  const before = await store.inboxState("bob");
  await edit(redis, (client) => client.hSet(KEYS.mark("bob"), "m:ann:bob", "9 123 0 0"));
  await sendTexts(store, ["2", "3"]);
  assertEquals(textsOf(await opened.frames("bob", 3)), ["1", "2", "3"]);
  const after = await store.inboxState("bob");
  assertNotEquals(after.epoch, before.epoch);
  assertEquals((await store.openDevice("bob", "phone", NOW)).epoch, after.epoch);
});

test("a mark with another stamp than the log's begins a new epoch, and the message arrives", async () => {
  await using redis = await redisServer();
  await using opened = await openHeard(redis);
  const { store } = opened;
  await sendTexts(store, ["1", "2"]);
  const before = await store.inboxState("bob");
  await edit(redis, (client) => client.hSet(KEYS.mark("bob"), "m:ann:bob", "2 123 0 0"));
  await sendTexts(store, ["3"]);
  assertEquals(textsOf(await opened.frames("bob", 3)), ["1", "2", "3"]);
  assertNotEquals((await store.inboxState("bob")).epoch, before.epoch);
});

test("an inbox that cannot be written keeps nobody else from a message, and gets it when it can", async () => {
  await using redis = await redisServer();
  await using opened = await openHeard(redis, { onError: () => undefined });
  const { store } = opened;
  await edit(redis, (client) => client.set(KEYS.inbox("bob"), "no stream"));
  await sendTexts(store, ["1", "2"]);
  assertEquals(textsOf(await frames(store, "ann")), ["1", "2"]);
  await edit(redis, (client) => client.del(KEYS.inbox("bob")));
  assertEquals(textsOf(await opened.frames("bob", 2)), ["1", "2"]);
});

test("two stores on one Redis keep one order without holes", async () => {
  await using redis = await redisServer();
  await using one = await openStore(redis);
  await using two = await openStore(redis);
  const results = await Promise.all(
    Array.from({ length: 200 }, (_, index) => (index % 2 ? one : two).send(outgoing())),
  );
  const seqs = results.map((result) => seqOf(result) ?? 0).sort((first, second) => first - second);
  assertEquals(
    seqs,
    seqs.map((_, index) => index + 1),
  );
});

test("a send tells the sender's own entry as the inbox has it, and a repeat tells none", async () => {
  await using redis = await redisServer();
  await using store = await openStore(redis);
  await sendNew(store, { from: "bob", to: "ann" });
  const message = outgoing({ text: '\0 "quotes" 👍' });
  const told = [await store.send(message), await store.send(outgoing({ to: "ann" }))];
  const { epoch } = await store.inboxState("ann");
  const [, ...entries] = await readAll(store, "ann");
  assertEquals(
    told.map((result) => result.outcome === "stored" && result.own),
    entries.map(({ line, ...entry }) => ({ ...entry, line: new TextDecoder().decode(line), epoch })),
  );
  assertEquals(await store.send(message), { outcome: "stored", seq: 2, at: NOW, duplicate: true });
});
