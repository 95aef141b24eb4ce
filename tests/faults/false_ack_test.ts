import { assertEquals } from "@std/assert";
import { RawClient } from "../helpers.ts";
import { redisCommand } from "../redis_process.ts";
import { redisServer } from "../redis_server.ts";
import { test } from "../testing.ts";
import { STORES, serverCluster, startCluster } from "./clusters.ts";
import { cursorOf } from "./people.ts";

for (const store of STORES) {
  test(`an ack of more than the session was sent, or in another epoch, is ignored: nothing is skipped at the next login (${store})`, async () => {
    await using cluster = await startCluster(store);
    await using ada = await RawClient.login(cluster.at(0), "ada");
    {
      await using bob = await RawClient.login(cluster.at(1), "bob", { device: "phone" });
      for (const text of ["1", "2", "3"]) await ada.ask({ type: "send", to: "bob", text });
      await bob.hasMessages(3);
      const { epoch } = cursorOf(bob);
      bob.tell({ type: "ack", inbox: 2, epoch });
      for (const inbox of [4, 1_000_000, Number.MAX_SAFE_INTEGER, 1]) bob.tell({ type: "ack", inbox });
      for (const other of ["another", "", `${epoch}x`]) bob.tell({ type: "ack", inbox: 3, epoch: other });
      // Its answer says that all of the above was looked at.
      await bob.ask({ type: "sync", inbox: 3 });
    }
    await ada.ask({ type: "send", to: "bob", text: "4" });
    await using again = await RawClient.login(cluster.at(0), "bob", { device: "phone" });
    assertEquals(
      (await again.hasMessages(2)).map(({ text }) => text),
      ["3", "4"],
    );
  });

  test(`a cursor of another epoch acknowledges nothing: the device goes on after its own ack, and is told of it (${store})`, async () => {
    await using cluster = await startCluster(store);
    await using ada = await RawClient.login(cluster.at(0), "ada");
    for (const text of ["1", "2", "3"]) await ada.ask({ type: "send", to: "ada", text });
    const [, second, third] = await ada.hasMessages(3);
    ada.tell({ type: "ack", inbox: 1 });
    await ada.ask({ type: "sync", inbox: 3 });
    const { epoch } = cursorOf(ada);
    const wrong = [
      { epoch: "another", inbox: 3, stamp: third?.stamp },
      { epoch, inbox: 3, stamp: second?.stamp },
      { epoch, inbox: 99, stamp: third?.stamp },
    ];
    for (const cursor of wrong) {
      await using again = await RawClient.login(cluster.at(1), "ada", { device: "default", cursor });
      assertEquals((await again.next("resync")).reason, "rollback");
      assertEquals(
        (await again.hasMessages(2)).map(({ text }) => text),
        ["2", "3"],
      );
    }
  });
}

test("an ack of entries that a rollback has taken is ignored: what comes under their numbers is not skipped", async () => {
  await using redis = await redisServer();
  await using cluster = await serverCluster({ redis: () => redis.url });
  await using ada = await RawClient.login(cluster.at(0), "ada");
  const bob = await RawClient.login(cluster.at(1), "bob", { device: "phone" });
  const send = (text: string) => ada.ask({ type: "send", to: "bob", text });
  await send("1");
  await bob.hasMessages(1);
  await redisCommand(redis.port, "SAVE");
  for (const text of ["2", "3", "4"]) await send(text);
  await bob.hasMessages(4);
  await redis.restart();
  bob.tell({ type: "ack", inbox: 4 });
  let answer = await send("after");
  while (answer.code === "unavailable") answer = await send("after");
  await bob.until("the message", () => bob.messages.find(({ text }) => text === "after"));
  await bob[Symbol.asyncDispose]();
  await using again = await RawClient.loginAgain(cluster.at(0), "bob", { device: "phone" });
  await again.until("the message", () => again.messages.find(({ text }) => text === "after"));
});
