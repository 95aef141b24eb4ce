import { assertEquals } from "@std/assert";
import { RawClient } from "../helpers.ts";
import { test } from "../testing.ts";
import { STORES, startCluster } from "./clusters.ts";

for (const store of STORES) {
  test(`two clients, two devices and two conversations may use the same ids: all their messages arrive (${store})`, async () => {
    await using cluster = await startCluster(store);
    await using ada = await RawClient.login(cluster.at(0), "ada", { device: "phone" });
    await using tablet = await RawClient.login(cluster.at(1), "ada", { device: "tablet" });
    await using bob = await RawClient.login(cluster.at(1), "bob");
    await using cat = await RawClient.login(cluster.at(0), "cat");
    const answers = [
      await ada.ask({ type: "send", id: "1", to: "bob", text: "ada to bob" }),
      await tablet.ask({ type: "send", id: "1", to: "bob", text: "ada's tablet to bob" }),
      await ada.ask({ type: "send", id: "1", to: "cat", text: "ada to cat" }),
      await cat.ask({ type: "send", id: "1", to: "bob", text: "cat to bob" }),
      await bob.ask({ type: "send", id: "1", to: "ada", text: "bob to ada" }),
    ];
    assertEquals(
      answers.map(({ type, duplicate, conversation, seq }) => [type, duplicate, conversation, seq]),
      [
        ["ok", false, "ada:bob", 1],
        ["ok", false, "ada:bob", 2],
        ["ok", false, "ada:cat", 1],
        ["ok", false, "bob:cat", 1],
        ["ok", false, "ada:bob", 3],
      ],
    );
    const toBob = ["ada to bob", "ada's tablet to bob", "cat to bob", "bob to ada"];
    assertEquals(
      (await bob.hasMessages(4)).map(({ text }) => text),
      toBob,
    );
    assertEquals(
      (await cat.hasMessages(2)).map(({ text }) => text),
      ["ada to cat", "cat to bob"],
    );
  });
}
