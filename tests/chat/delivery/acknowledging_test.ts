import { assertEquals } from "@std/assert";
import { eventually, RawClient } from "../../helpers.ts";
import { redisServer } from "../../redis_server.ts";
import { test } from "../../testing.ts";
import { chatServers } from "../chat_servers.ts";

test("what was acknowledged while the store was away is stored when it is back, and the sender is told", async () => {
  await using redis = await redisServer({ args: ["--appendonly", "yes", "--appendfsync", "always"] });
  await using cluster = await chatServers(1, { redis: redis.url });
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using bob = await RawClient.login(cluster.at(0), "bob", { device: "phone" });
  for (const text of ["one", "two", "three"]) await ada.ask({ type: "send", to: "bob", text });
  await bob.hasMessages(3);
  await redis.stop();
  bob.tell({ type: "ack", inbox: 3 });
  await eventually("the failure", () =>
    cluster.errors.some((error) => String(error).includes("acknowledged")),
  );
  await redis.restart();
  assertEquals((await ada.next("receipt")).delivered, 3);
  await using again = await RawClient.loginAgain(cluster.at(0), "bob", { device: "phone" });
  await ada.ask({ type: "send", to: "bob", text: "four" });
  assertEquals(
    (await again.hasMessages(1)).map(({ text }) => text),
    ["four"],
  );
});
