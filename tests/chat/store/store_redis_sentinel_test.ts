import { assert, assertEquals } from "@std/assert";
import { redisStore } from "../../../src/chat/store/mod.ts";
import { redisSentinel } from "../../redis_sentinel.ts";
import { test } from "../../testing.ts";
import { createUsers } from "./open_stores.ts";
import { until, untilAvailable } from "./redis/redis_steps.ts";
import { frames, makeGroup, outgoing, sendTexts, textsOf } from "./store_steps.ts";

// Behind sentinels a store is the one on one server, which the whole suite is for; only who that server is changes.
test("a store behind sentinels has everything after a fail-over, and goes on counting where it was", async () => {
  await using redis = await redisSentinel();
  await using store = await redisStore({ url: redis.url, durable: "replica", onError: () => undefined });
  await createUsers(store, ["ann", "bob"]);
  await makeGroup(store, "#g", ["ann", "bob"]);
  await sendTexts(store, ["1", "2"]);
  await sendTexts(store, ["a"], { to: "#g" });
  const before = await store.inboxState("bob");
  await redis.failOver();
  for (const [to, text, seq] of [["bob", "3", 3] as const, ["#g", "b", 2] as const]) {
    const message = outgoing({ to, text });
    const result = await untilAvailable(() => store.send(message));
    assert(result.outcome === "stored", JSON.stringify(result));
    assertEquals(result.seq, seq);
  }
  assertEquals((await store.inboxState("bob")).epoch, before.epoch);
  // To a group it is delivered behind the answer.
  await until(async () => (await frames(store, "ann")).length === 5);
  assertEquals(textsOf(await frames(store, "ann")), ["1", "2", "a", "3", "b"]);
  assertEquals((await store.groups("bob", "", 10)).entries, [{ group: "#g", state: "member", by: "bob" }]);
});
