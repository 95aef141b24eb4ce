import { assertEquals } from "@std/assert";
import { partitionOf } from "../../src/redis/mod.ts";
import { slotOf } from "../../src/redis/slots.ts";
import { chatServers } from "../chat/chat_servers.ts";
import { eventually, RawClient } from "../helpers.ts";
import { type ClusterNode, redisCluster } from "../redis_cluster.ts";
import { redisCommand } from "../redis_process.ts";
import { test } from "../testing.ts";

test("while one master of a Cluster is away, those who are kept at others are brought what they missed", async () => {
  await using cluster = await redisCluster({ args: ["--cluster-require-full-coverage", "no"] });
  const ownerOf = (name: string): Promise<ClusterNode> => cluster.owner(slotOf(`{${partitionOf(name)}}`));
  const mortal = await ownerOf("cid");
  /** Somebody who is kept elsewhere, and so is what ada and they say. */
  async function living(start: string): Promise<string> {
    for (let number = 0; ; number++) {
      const name = `${start}${number}`;
      const owners = await Promise.all([name, `${ada}:${name}`].map(ownerOf));
      if (!owners.includes(mortal)) return name;
    }
  }
  let ada = "";
  ada = await living("ada");
  const bob = await living("bob");
  await using servers = await chatServers(1, { redis: cluster.url });
  await using sender = await RawClient.login(servers.at(0), ada);
  await using receiver = await RawClient.login(servers.at(0), bob);
  // One of all whose places are looked at together.
  await using lost = await RawClient.login(servers.at(0), "cid");
  const send = async (client: RawClient, to: string): Promise<unknown> =>
    (await client.ask({ type: "send", to, text: "hello" })).type;
  assertEquals(await send(sender, bob), "ok");
  await receiver.hasMessages(1);
  mortal.kill("SIGKILL");
  await eventually("the loss noticed", async () => (await send(lost, "cid")) === "error");
  const { port } = await ownerOf(bob);
  for (let count = 2; count <= 4; count++) {
    // The connection that hears of messages is gone when one is stored.
    await redisCommand(port, "CLIENT", "KILL", "TYPE", "pubsub");
    assertEquals(await send(sender, bob), "ok");
    await receiver.hasMessages(count);
  }
});
