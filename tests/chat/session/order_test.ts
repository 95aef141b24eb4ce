import { assertEquals } from "@std/assert";
import { RawClient } from "../../helpers.ts";
import { redisServer } from "../../redis_server.ts";
import { test } from "../../testing.ts";
import { type ChatServers, chatServers } from "../chat_servers.ts";

const COUNT = 30;

/** A cluster on each store, with somebody who has just made a group. */
const STORES: Readonly<Record<string, (work: (cluster: ChatServers) => Promise<void>) => Promise<void>>> = {
  async SQLite(work) {
    await using cluster = await chatServers(1);
    await work(cluster);
  },
  async Redis(work) {
    await using redis = await redisServer();
    await using cluster = await chatServers(1, { redis: redis.url });
    await work(cluster);
  },
};

for (const [name, inCluster] of Object.entries(STORES)) {
  test(`what follows sends in one go is done after them, over ${name}`, async () => {
    await inCluster(async (cluster) => {
      await using ada = await RawClient.login(cluster.at(0), "ada");
      await using bob = await RawClient.login(cluster.at(0), "bob");
      await ada.ask({ type: "group.create", group: "#g", mode: "open" });
      await bob.ask({ type: "group.join", group: "#g" });
      const sends = Array.from({ length: COUNT }, (_, index) =>
        bob.ask({ type: "send", to: "#g", text: `${index}` }),
      );
      const history = bob.ask({ type: "history", with: "#g" });
      const ping = bob.ask({ type: "ping" });
      const leaving = bob.ask({ type: "group.leave", group: "#g" });
      const late = bob.ask({ type: "send", to: "#g", text: "too late" });
      const answers = await Promise.all(sends);
      assertEquals(
        answers.map(({ type }) => type),
        answers.map(() => "ok"),
      );
      const { messages } = await history;
      assertEquals(Array.isArray(messages) && messages.length, COUNT);
      assertEquals([(await ping).type, (await leaving).type], ["pong", "ok"]);
      assertEquals((await late).code, "not_member");
    });
  });
}

test("what waits for sends is done also for a client that sends no more", async () => {
  await using cluster = await chatServers(1);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using bob = await RawClient.login(cluster.at(0), "bob");
  await ada.ask({ type: "group.create", group: "#g", mode: "open" });
  await bob.ask({ type: "group.join", group: "#g" });
  for (let index = 0; index < COUNT; index++)
    bob.tell({ type: "send", id: `${index}`, to: "#g", text: "hi" });
  const leaving = bob.ask({ type: "group.leave", group: "#g" });
  bob.connection.end();
  assertEquals((await leaving).type, "ok");
  await ada.hasMessages(COUNT);
});
