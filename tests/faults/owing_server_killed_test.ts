import { assert, assertEquals } from "@std/assert";
import { wait } from "../../src/async/mod.ts";
import { formatAddress } from "../../src/net/mod.ts";
import { taggedName } from "../../src/redis/mod.ts";
import { faultProxy } from "../fault_proxy.ts";
import { RawClient } from "../helpers.ts";
import { type RedisCluster, redisCluster } from "../redis_cluster.ts";
import { redisCommand } from "../redis_process.ts";
import { redisServer } from "../redis_server.ts";
import { test } from "../testing.ts";
import { serverCluster } from "./clusters.ts";

/** What is owed for 3 s is brought; the rest is for the sweep, and for a busy machine. */
const LATEST_MS = 6000;

test("what a killed server had appended for a group and not delivered is delivered by another one, in order", async () => {
  await using redis = await redisServer();
  await using proxy = await faultProxy({ host: "127.0.0.1", port: redis.port });
  const through = `redis://${formatAddress(proxy.address)}`;
  await using cluster = await serverCluster({ redis: (turn) => (turn === 0 ? through : redis.url) });
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using bob = await RawClient.login(cluster.at(1), "bob");
  await ada.ask({ type: "group.create", group: "#team", mode: "open" });
  assertEquals((await bob.ask({ type: "group.join", group: "#team" })).type, "ok");
  for (const text of ["1", "2"]) await ada.ask({ type: "send", to: "#team", text });
  await bob.hasMessages(2);

  // What Redis answers is not heard: the server cannot go on to deliver what it has appended.
  proxy.stall("to_client");
  // In one piece, so that they are one batch: what waits behind one without an answer is not appended.
  const frames = ["3", "4", "5"].map((text) => JSON.stringify({ type: "send", id: text, to: "#team", text }));
  ada.write(`${frames.join("\n")}\n`);
  await isInHistory(bob, "#team", "5");
  const started = performance.now();
  await cluster.signal("chat-1", "SIGKILL");
  assertEquals(
    (await bob.hasMessages(5)).map(({ text }) => text),
    ["1", "2", "3", "4", "5"],
  );
  assert(performance.now() - started < LATEST_MS, "it was to be delivered within 4 s");
  assertEquals(
    ada.frames.filter(({ id }) => id === "5"),
    [],
    "nobody was told that it is stored",
  );

  await using again = await RawClient.login(cluster.at(1), "ada");
  const repeated = await again.ask({ type: "send", id: "5", to: "#team", text: "5" });
  assertEquals([repeated.duplicate, repeated.seq], [true, 5]);
  await again.ask({ type: "send", id: "6", to: "#team", text: "6" });
  assertEquals(
    (await bob.hasMessages(6)).map(({ text }) => text),
    ["1", "2", "3", "4", "5", "6"],
  );
});

test("on a Cluster, what was acknowledged while the receiver's part was away and its sender's server was killed is delivered, in order", async () => {
  await using redis = await redisCluster({ nodeTimeoutMs: 15_000 });
  await using cluster = await serverCluster({ redis: () => redis.url });
  const bobName = await nameElsewhere(redis);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using bob = await RawClient.login(cluster.at(1), bobName);
  await ada.ask({ type: "send", to: bobName, text: "1" });
  await bob.hasMessages(1);

  const away = await nodeOf(redis, taggedName("inbox", bobName));
  away.kill("SIGSTOP");
  try {
    const answers = ["2", "3"].map((text) => ada.ask({ type: "send", id: text, to: bobName, text }));
    assertEquals(
      (await Promise.all(answers)).map(({ type }) => type),
      ["ok", "ok"],
    );
    await cluster.signal("chat-1", "SIGKILL");
    assertEquals(bob.messages.length, 1, "they were to be owed");
  } finally {
    away.kill("SIGCONT");
  }
  const started = performance.now();
  await bob.hasMessages(3);
  assert(performance.now() - started < LATEST_MS, "it was to be delivered within 4 s");
  await using again = await RawClient.login(cluster.at(1), "ada");
  await again.ask({ type: "send", id: "4", to: bobName, text: "4" });
  assertEquals(
    (await bob.hasMessages(4)).map(({ text }) => text),
    ["1", "2", "3", "4"],
  );
});

/** Waits until a member finds a text in the history: then it is in the log. */
async function isInHistory(client: RawClient, peer: string, text: string): Promise<void> {
  for (;;) {
    const { messages } = await client.ask({ type: "history", with: peer });
    if ((messages as { readonly text: string }[]).some((message) => message.text === text)) return;
    await wait(10);
  }
}

async function nodeOf(redis: RedisCluster, key: string): Promise<Awaited<ReturnType<RedisCluster["owner"]>>> {
  const slot = await redisCommand(redis.nodes[0]?.port ?? 0, "CLUSTER", "KEYSLOT", key);
  return await redis.owner(Number(slot));
}

/** A name whose inbox is on another node than everything of Ada's and their conversation. */
async function nameElsewhere(redis: RedisCluster): Promise<string> {
  for (let number = 0; number < 1000; number++) {
    const name = `bob${number}`;
    const inbox = await nodeOf(redis, taggedName("inbox", name));
    const ada = await nodeOf(redis, taggedName("inbox", "ada"));
    const log = await nodeOf(redis, taggedName("log", `ada:${name}`));
    if (inbox !== ada && inbox !== log) return name;
  }
  throw new Error("Cannot find a name on another node");
}
