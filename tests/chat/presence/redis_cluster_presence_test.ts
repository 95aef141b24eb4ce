import { assertEquals, assertRejects } from "@std/assert";
import { PresenceError, redisPresence } from "../../../src/chat/presence/mod.ts";
import { partitionOf } from "../../../src/redis/mod.ts";
import { slotOf } from "../../../src/redis/slots.ts";
import { redisCluster } from "../../redis_cluster.ts";
import { test } from "../../testing.ts";
import { redisPresenceKind } from "./redis_presence_kind.ts";

test("presence on a Redis Cluster knows users of every part of it, and tells of those of a server that died", async () => {
  await using redis = await redisCluster();
  const kind = redisPresenceKind(async () => redis);
  await using cluster = await kind.open();
  await using one = await cluster.start("one");
  await using two = await cluster.start("two");
  const users = Array.from({ length: 200 }, (_, index) => `user${index}`);
  const [stay = "", ...others] = users;
  assertEquals(
    await Promise.all(users.map((user) => one.presence.arrive(user))),
    users.map(() => true),
  );
  assertEquals([...(await two.presence.online([...users, "nobody"]))], users);
  assertEquals(await two.presence.arrive(stay), false);
  await one.crash();
  for (const user of others) await two.gone.told(user);
  assertEquals(two.gone.names.toSorted(), others.toSorted());
  assertEquals([...(await two.presence.online(users))], [stay]);
});

test("while a master of a Cluster is away, presence answers for those who are kept elsewhere", async () => {
  await using redis = await redisCluster({ args: ["--cluster-require-full-coverage", "no"] });
  await using presence = await redisPresence({
    server: "one",
    url: redis.url,
    onGone: () => undefined,
    onError: () => undefined,
  });
  await using other = await redisPresence({
    server: "two",
    url: redis.url,
    onGone: () => undefined,
    onError: () => undefined,
  });
  const mortal = await redis.owner(slotOf(`{${partitionOf("user0")}}`));
  const users = Array.from({ length: 20 }, (_, index) => `user${index}`);
  const owners = await Promise.all(users.map((user) => redis.owner(slotOf(`{${partitionOf(user)}}`))));
  const living = users.filter((_, index) => owners[index] !== mortal);
  await Promise.all(users.map((user) => other.arrive(user)));
  mortal.kill("SIGKILL");
  // Asked for in one batch.
  const asked = await Promise.allSettled([
    presence.online(living),
    presence.online(users),
    presence.arrive(living[0] ?? ""),
  ]);
  assertEquals(
    asked.map(({ status }) => status),
    ["fulfilled", "rejected", "fulfilled"],
  );
  assertEquals([...(await presence.online(living))], living);
  await assertRejects(() => presence.online(["user0"]), PresenceError);
});
