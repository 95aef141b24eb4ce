import { assert, assertEquals } from "@std/assert";
import { redisBus } from "../../../../src/bus/mod.ts";
import { type InboxEntry, readHint, type Store } from "../../../../src/chat/store/mod.ts";
import { redisServer } from "../../../redis_server.ts";
import { test } from "../../../testing.ts";
import { makeGroup, readAll, sendMany, sendTexts } from "../store_steps.ts";
import { edit, KEYS, openStore, until } from "./redis_steps.ts";

/** Fails unless each entry names the one before it. @param before The stamp before the first of them, as the first is to name it. */
function assertChain(entries: readonly InboxEntry[], before: number | undefined): void {
  const stamps = [before, ...entries.map(({ stamp }) => stamp)];
  assertEquals(
    entries.map((entry) => entry.before),
    stamps.slice(0, -1),
  );
}

const EACH = 70;

for (const isSplit of [false, true]) {
  const where = isSplit ? "a Redis that is split" : "a Redis in one piece";
  test(`hints of ${where} name the entry before, over conversations, groups, batches and gaps`, async () => {
    await using redis = await redisServer();
    await using store = await openStore(redis, {}, { isSplit });
    await using bus = await redisBus({ url: redis.url });
    const hints: InboxEntry[] = [];
    await bus.subscribe("user:bob", (payload) => {
      const entry = readHint(payload);
      // Such a payload is lent.
      if (entry) hints.push({ ...entry, line: entry.line.slice() });
    });
    await makeGroup(store, "#g", ["ann", "bob"]);
    await sendEverywhere(store);
    await until(async () => hints.length === 3 * EACH);
    assertChain(hints, 0);
    const read = await readAll(store, "bob");
    assertEquals(
      hints.map(({ stamp }) => stamp),
      read.map(({ stamp }) => stamp),
    );
  });
}

async function sendEverywhere(store: Store): Promise<void> {
  const texts = Array.from({ length: EACH }, (_, index) => `${index}`);
  await Promise.all([
    sendTexts(store, texts, { to: "#g" }),
    sendTexts(store, texts, { from: "cid", device: "c" }),
    sendTexts(store, texts, { from: "bob", to: "bob", device: "b" }),
  ]);
}

test("what is read of an inbox names the entry before, over pages, unless that was dropped", async () => {
  await using redis = await redisServer();
  await using store = await openStore(redis);
  await sendMany(store, 200);
  const all = await readAll(store, "bob");
  assertEquals(all.length, 200);
  assertChain(all, undefined);
  for (const count of [1, 63, 64, 65, 130]) {
    const some = await store.readInbox("bob", 7, { count, bytes: 1e6 });
    assertEquals(some.length, count);
    assertChain(some, all[6]?.stamp);
  }
  await edit(redis, (client) => client.xTrim(KEYS.inbox("bob"), "MINID", "11-0" as unknown as number));
  const kept = await store.readInbox("bob", 10, { count: 5, bytes: 1e6 });
  assertEquals(kept[0]?.inbox, 11);
  assertChain(kept, undefined);
  assert((await store.readInbox("bob", 11, { count: 1, bytes: 1 }))[0]?.before === kept[0]?.stamp);
});
