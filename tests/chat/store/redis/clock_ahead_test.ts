import { assert, assertEquals } from "@std/assert";
import { redisServer } from "../../../redis_server.ts";
import { test } from "../../../testing.ts";
import { logPage, readAll, sendMany, sendNew } from "../store_steps.ts";
import { edit, KEYS, openStore } from "./redis_steps.ts";

const DAY_MS = 86_400_000;
const LOG_MS = 64 * DAY_MS;

for (const isSplit of [false, true]) {
  test(`a server whose clock is ahead takes nothing out of a conversation's history, and puts nothing off for others (${isSplit ? "by steps" : "by one script"})`, async () => {
    await using redis = await redisServer();
    await using store = await openStore(redis, { limits: { logMs: LOG_MS } }, { isSplit });
    await sendMany(store, 50, { at: Date.now() });
    await sendNew(store, { at: Date.now() + 2 * LOG_MS });
    assertEquals((await logPage(store, "ann:bob")).entries.length, 51);
    const putOffAt = await edit(redis, (client) => client.hGet(KEYS.conv("ann:bob"), "x"));
    assert(Number(putOffAt) <= Date.now() + DAY_MS, `the log's life is put off at ${putOffAt} only`);
  });
}

test("a login through a server whose clock is ahead makes no other device one that is not used any more", async () => {
  await using redis = await redisServer();
  await using store = await openStore(redis);
  await store.openDevice("bob", "tablet", Date.now());
  const { epoch } = await store.openDevice("bob", "phone", Date.now() + 31 * DAY_MS);
  await sendMany(store, 600);
  await store.ack("bob", "phone", epoch, 600, []);
  assertEquals((await readAll(store, "bob")).length, 600, "the tablet has acknowledged nothing");
});
