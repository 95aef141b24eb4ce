import { assertEquals } from "@std/assert";
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
