import { assert, assertEquals } from "@std/assert";
import type { SendResult, Store } from "../../../../src/chat/store/mod.ts";
import { type RedisServer, redisServer } from "../../../redis_server.ts";
import { test } from "../../../testing.ts";
import { outgoing } from "../store_steps.ts";
import { edit, KEYS, openStore } from "./redis_steps.ts";

const MINUTE = 60_000;
const KEY = KEYS.dedupe("ann:bob", "ann", "phone");

/** Lets Redis's clock go on, as far as what ann's phone has sent is concerned. @returns For how much longer it is remembered. */
async function pass(redis: RedisServer, ms: number): Promise<number> {
  return await edit(redis, async (client) => {
    const [putOffAt, lifeMs] = await Promise.all([client.hGet(KEY, "x"), client.pTTL(KEY)]);
    await client.hSet(KEY, "x", `${Number(putOffAt) - ms}`);
    await client.pExpire(KEY, lifeMs - ms);
    return lifeMs - ms;
  });
}

/** Sends through a server whose clock is ahead. */
function sendAhead(store: Store, aheadMs: number): Promise<SendResult> {
  return store.send(outgoing({ at: Date.now() + aheadMs }));
}

for (const ahead of [-75, -7, 0, 7, 75]) {
  test(`redisStore() remembers for an hour what was sent after a send through a server that is ${ahead} minutes ahead`, async () => {
    await using redis = await redisServer();
    await using store = await openStore(redis);
    await sendAhead(store, ahead * MINUTE);
    for (let minute = 0; minute < 70; minute++) {
      await pass(redis, MINUTE);
      await sendAhead(store, 0);
      const lifeMs = await pass(redis, 0);
      assert(lifeMs > 60 * MINUTE, `what was sent just now is remembered for ${lifeMs} ms`);
    }
  });
}

test("redisStore() recognizes a repeat for an hour where servers' clocks are 10 minutes apart", async () => {
  await using redis = await redisServer();
  await using store = await openStore(redis);
  const message = outgoing({ at: Date.now() });
  await store.send(message);
  for (const minutes of [-10, 0, 59, 69]) {
    const result = await store.send({ ...message, at: message.at + minutes * MINUTE });
    assertEquals(result, { outcome: "stored", seq: 1, at: message.at, duplicate: true });
  }
});

test("redisStore() forgets no sends by the clock of a server that is ahead", async () => {
  await using redis = await redisServer();
  await using store = await openStore(redis);
  const message = outgoing({ at: Date.now() });
  await store.send(message);
  // What is too much is removed with the 1,000th.
  await Promise.all(Array.from({ length: 999 }, () => sendAhead(store, 75 * MINUTE)));
  const result = await store.send(message);
  assertEquals(result, { outcome: "stored", seq: 1, at: message.at, duplicate: true });
});

test("redisStore() recognizes a repeat of what an earlier version has stored, whose text it cannot compare", async () => {
  await using redis = await redisServer();
  await using store = await openStore(redis);
  const message = outgoing({ at: Date.now() });
  await store.send(message);
  assertEquals(await store.send({ ...message, text: "other" }), { outcome: "id_reused" });
  const field = `${message.conversation} ${message.id}`;
  const key = KEYS.dedupe(message.conversation, message.from, message.device);
  await edit(redis, (client) => client.hSet(key, field, `1 ${message.at} 1 n4bQgYhMfWWaL+qg`));
  const result = await store.send(message);
  assertEquals(result, { outcome: "stored", seq: 1, at: message.at, duplicate: true });
});
