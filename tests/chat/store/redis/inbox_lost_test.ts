import { assert, assertEquals } from "@std/assert";
import { redisStore } from "../../../../src/chat/store/mod.ts";
import { partitionOf } from "../../../../src/redis/mod.ts";
import { slotOf } from "../../../../src/redis/slots.ts";
import { type ClusterNode, redisCluster } from "../../../redis_cluster.ts";
import { redisCommand } from "../../../redis_process.ts";
import { test } from "../../../testing.ts";
import { createUsers } from "../open_stores.ts";
import { changeGroup, frames, sendNew, textsOf } from "../store_steps.ts";
import { until, untilAvailable } from "./redis_steps.ts";

test("with durable replica on a Cluster, what the master of an inbox or a list loses in a fail-over is brought again", async () => {
  await using cluster = await redisCluster({ replicas: 1 });
  const ownerOf = (name: string): Promise<ClusterNode> => cluster.owner(slotOf(`{${partitionOf(name)}}`));
  const mortal = await ownerOf("bob");
  /** A name that is kept elsewhere, so that only what bob has of it can be lost. */
  async function elsewhere(name: (number: number) => string): Promise<string> {
    for (let number = 0; ; number++) if ((await ownerOf(name(number))) !== mortal) return name(number);
  }
  const pair = await elsewhere((number) => `ann${number}:bob`);
  const [ann = ""] = pair.split(":");
  const group = await elsewhere((number) => `#g${number}`);
  const replica = cluster.nodes[3 + cluster.nodes.indexOf(mortal)];
  assert(replica);
  const options = {
    url: cluster.url,
    durable: "replica",
    deadlineMs: 1000,
    onError: () => undefined,
  } as const;
  await using store = await redisStore(options);
  await untilAvailable(() => createUsers(store, [ann, "bob"]));
  await untilAvailable(() => changeGroup(store, group, ann, { action: "create", mode: "open" }));
  // It hears no more of what its master takes.
  replica.kill("SIGSTOP");
  await redisCommand(mortal.port, "CLIENT", "KILL", "TYPE", "replica");
  await sendNew(store, { conversation: pair, from: ann, to: "bob", text: "first" });
  assertEquals((await store.changeFriend(ann, "request", "bob")).outcome, "done");
  assertEquals((await store.changeGroup(group, ann, { action: "invite", name: "bob" })).outcome, "done");
  const look = async () => ({
    texts: textsOf(await frames(store, "bob")),
    friends: await store.friends("bob"),
    groups: (await store.groups("bob", "", 10)).entries.map(({ state }) => state),
  });
  const wanted = { texts: ["first"], friends: [{ name: ann, state: "incoming" }], groups: ["invited"] };
  const isThere = async (): Promise<boolean> =>
    JSON.stringify(await untilAvailable(look)) === JSON.stringify(wanted);
  await until(isThere);
  mortal.kill("SIGKILL");
  replica.kill("SIGCONT");
  assertEquals(await untilAvailable(look), { texts: [], friends: [], groups: [] });
  await until(isThere);
});
