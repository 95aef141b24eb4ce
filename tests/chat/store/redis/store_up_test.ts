import { assertEquals } from "@std/assert";
import { ManualClock } from "../../../../src/async/mod.ts";
import { redisStore } from "../../../../src/chat/store/mod.ts";
import { eventually } from "../../../helpers.ts";
import { redisServer } from "../../../redis_server.ts";
import { test } from "../../../testing.ts";
import { sendNew } from "../store_steps.ts";
import { edit, KEEPING, openStore, replicaIsOnline } from "./redis_steps.ts";

test("redisStore() is not up while its Redis is stopped, and up again once that is back", async () => {
  await using redis = await redisServer({ args: KEEPING });
  await using store = await openStore(redis, { onError: () => undefined });
  assertEquals([await sendNew(store), store.isUp], [1, true]);
  await redis.stop();
  await eventually("that the store is away", () => !store.isUp);
  await redis.restart();
  await eventually("that the store is back", () => store.isUp);
  assertEquals(await sendNew(store), 2);
});

test("redisStore() is not up 6 seconds after its Redis has begun to hang, and up again once that goes on", async () => {
  await using redis = await redisServer();
  const clock = new ManualClock();
  await using store = await openStore(redis, { onError: () => undefined, clock });
  redis.kill("SIGSTOP");
  try {
    clock.advance(2000);
    clock.advance(2000);
    assertEquals(store.isUp, true);
    clock.advance(2000);
    assertEquals(store.isUp, false);
  } finally {
    redis.kill("SIGCONT");
  }
  await eventually("that the store is back", () => {
    clock.advance(50);
    return store.isUp;
  });
  assertEquals(await sendNew(store), 1);
});

test("redisStore() is not up when one of its connections is lost: for writes, for reads or to wait for a replica", async () => {
  await using redis = await redisServer({ args: ["--repl-diskless-sync-delay", "0"] });
  await using _replica = await redisServer({ args: ["--replicaof", "127.0.0.1", `${redis.port}`] });
  await replicaIsOnline(redis);
  const seen: boolean[] = [];
  let look: () => void = () => undefined;
  await using store = await redisStore({ url: redis.url, durable: "replica", onError: () => look() });
  look = () => void seen.push(store.isUp);
  const connections = await edit(redis, async (client) => {
    const own = await client.clientId();
    return (await client.clientList({ TYPE: "NORMAL" })).map(({ id }) => id).filter((id) => id !== own);
  });
  for (const [index, id] of connections.entries()) {
    await edit(redis, (client) => client.sendCommand(["CLIENT", "KILL", "ID", `${id}`]));
    await eventually("that the connection is lost", () => seen.length > index);
    await eventually("that the store is back", () => store.isUp);
  }
  assertEquals(seen, [false, false, false]);
});
