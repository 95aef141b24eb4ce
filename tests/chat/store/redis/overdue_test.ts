import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { redisServer } from "../../../redis_server.ts";
import { test } from "../../../testing.ts";
import { makeGroup, sendNew, sendTexts, textsOf } from "../store_steps.ts";
import { startStoreChild } from "./redis_child.ts";
import { edit, KEYS, keep, openHeard, owedOf, until } from "./redis_steps.ts";

const SPLIT = { isSplit: true };
/** The conversations that a store delivers by steps, with whom they are. */
const STEPS = [
  { what: "a pair", to: "bob", conversation: "ann:bob" },
  { what: "a group", to: "#g", conversation: "#g" },
] as const;

for (const { what, to, conversation } of STEPS) {
  test(`what a server owed to ${what} when it was killed is delivered within 4 s, in order`, async () => {
    await using redis = await redisServer();
    await using opened = await openHeard(redis, {}, SPLIT);
    await makeGroup(opened.store, "#g", ["ann", "bob"]);
    await using child = await startStoreChild(redis.url, to);
    await child.sent;
    await child.crash();
    const startedAt = performance.now();
    assertEquals(textsOf(await opened.frames("bob", 3)), ["1", "2", "3"]);
    const tookMs = performance.now() - startedAt;
    assert(tookMs < 4000, `it took ${tookMs} ms`);
    await sendNew(opened.store, { to, text: "4" });
    assertEquals(textsOf(await opened.frames("bob", 4)), ["1", "2", "3", "4"]);
    await until(async () => (await owedOf(redis, conversation)) === 0);
  });

  test(`an inbox in ${what} that cannot be written keeps nobody else waiting, and gets all when it can`, async () => {
    await using redis = await redisServer();
    await using opened = await openHeard(redis, { onError: () => undefined }, SPLIT);
    const { store } = opened;
    await makeGroup(store, "#g", ["ann", "bob"]);
    await edit(redis, (client) => client.set(KEYS.inbox("bob"), "no stream"));
    await sendTexts(store, ["1", "2", "3"], { to });
    assertEquals(textsOf(await opened.frames("ann", 3)), ["1", "2", "3"]);
    await edit(redis, (client) => client.del(KEYS.inbox("bob")));
    assertEquals(textsOf(await opened.frames("bob", 3)), ["1", "2", "3"]);
    await until(async () => (await owedOf(redis, conversation)) === 0);
  });

  test(`a log of ${what} that was rolled back begins a new epoch, and all that came after it arrives`, async () => {
    await using redis = await redisServer();
    const turn = Promise.withResolvers<void>();
    let hold = Promise.resolve();
    await using opened = await openHeard(redis, {}, { ...SPLIT, hold: () => hold });
    const { store } = opened;
    await makeGroup(store, "#g", ["ann", "bob"]);
    await sendTexts(store, ["1", "2"], { to });
    const names = [
      KEYS.log(conversation),
      KEYS.conv(conversation),
      KEYS.dedupe(conversation, "ann", "phone"),
    ];
    const setBack = await keep(redis, names);
    await sendTexts(store, ["lost 3", "lost 4", "lost 5"], { to });
    await opened.frames("bob", 5);
    await until(async () => (await owedOf(redis, conversation)) === 0);
    const before = await store.inboxState("bob");
    await setBack();
    hold = turn.promise;
    await sendTexts(store, ["3", "4", "5", "6"], { to });
    turn.resolve();
    const found = await opened.frames("bob", 9);
    assertEquals(textsOf(found.slice(5)), ["3", "4", "5", "6"]);
    assertNotEquals((await store.inboxState("bob")).epoch, before.epoch);
    await until(async () => (await owedOf(redis, conversation)) === 0);
  });
}
