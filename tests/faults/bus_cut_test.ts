import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { wait } from "../../src/async/mod.ts";
import { RawClient } from "../helpers.ts";
import { redisCommand } from "../redis_process.ts";
import { redisServer } from "../redis_server.ts";
import { test } from "../testing.ts";
import { serverCluster } from "./clusters.ts";
import { Ledger } from "./ledger.ts";
import { assertSettled, joinChat, register, sayMany } from "./people.ts";

const ROUNDS = 6;

test("messages sent while the bus connections are cut again and again arrive once and in order", async () => {
  await using redis = await redisServer();
  await using cluster = await serverCluster({ redis: () => redis.url });
  await register(cluster.at(0), ["ada", "bob"]);
  const ledger = new Ledger();
  await using ada = await joinChat(cluster.from(0), "ada", ledger);
  await using bob = await joinChat(cluster.from(1), "bob", ledger);
  assertNotEquals(ada.server, bob.server);
  const all = await subscribers(redis.port);
  for (let round = 1; round <= ROUNDS; round++) {
    const talk = sayMany(ada, "bob", 40);
    while ((await subscribers(redis.port)) < all) await wait(10);
    assertEquals(await redisCommand(redis.port, "CLIENT", "KILL", "TYPE", "pubsub"), all);
    await talk;
  }
  await assertSettled(ledger);
  assertEquals([bob.shown.length, bob.logins], [40 * ROUNDS, 1]);
});

test("a server that Redis drops because it does not read its hints brings them all once it reads again", async () => {
  await using redis = await redisServer({
    args: ["--client-output-buffer-limit", "pubsub 256kb 256kb 1"],
  });
  await using cluster = await serverCluster({ redis: () => redis.url });
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using bob = await RawClient.login(cluster.at(1), "bob");
  const before = await subscribers(redis.port);
  await cluster.signal("chat-2", "SIGSTOP");
  const text = "x".repeat(32_000);
  let sent = 0;
  while ((await subscribers(redis.port)) >= before) {
    for (let index = 0; index < 20; index++) {
      sent += 1;
      ada.tell({ type: "send", id: `${sent}`, to: "bob", text });
    }
    await ada.until("the answers", () =>
      ada.frames.find(({ id, type }) => type === "ok" && id === `${sent}`),
    );
    assert(sent < 2000, "Redis was to drop the subscriber");
  }
  await cluster.signal("chat-2", "SIGCONT");
  const shown = await bob.hasMessages(sent);
  assertEquals(
    shown.map(({ seq }) => seq),
    Array.from({ length: sent }, (_, index) => index + 1),
  );
});

async function subscribers(port: number): Promise<number> {
  const list = String(await redisCommand(port, "CLIENT", "LIST", "TYPE", "pubsub"));
  return list.split("\n").filter((line) => line.includes("addr=")).length;
}
