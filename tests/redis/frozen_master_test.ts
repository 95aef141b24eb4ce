import { assertEquals } from "@std/assert";
import { connectKeyspace } from "../../src/redis/mod.ts";
import { slotOf } from "../../src/redis/slots.ts";
import { redisCluster } from "../redis_cluster.ts";
import { redisReady } from "../redis_process.ts";
import { test } from "../testing.ts";

test("a write to a master that was frozen until others had failed over from it is not taken for done, unless the new one has it", async () => {
  await using cluster = await redisCluster({ replicas: 1 });
  await using keyspace = await connectKeyspace(cluster.url);
  const key = "{a}:1";
  await keyspace.command(key, ["SET", key, "before"]);
  const before = keyspace.history(key);
  const master = await cluster.owner(slotOf(key));
  master.kill("SIGSTOP");
  const pending = Promise.allSettled([keyspace.command(key, ["SET", key, "pending"])]);
  await redisReady("another master", async () => !["", before].includes(keyspace.history(key)));
  master.kill("SIGCONT");
  const [outcome] = await pending;
  const value = await keyspace.command(key, ["GET", key]);
  assertEquals(value, outcome?.status === "fulfilled" ? "pending" : "before");
});
