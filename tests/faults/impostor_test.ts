import { assertEquals } from "@std/assert";
import { RawClient } from "../helpers.ts";
import { test } from "../testing.ts";
import { STORES, startCluster } from "./clusters.ts";

/** Every way to say that one is somebody else. */
const CLAIM = {
  from: "bob",
  user: "bob",
  sender: "bob",
  name: "bob",
  by: "bob",
  device: "phone",
  token: "bob",
};

/** Everything that wants a login. */
const REQUESTS: readonly Readonly<Record<string, unknown>>[] = [
  { type: "send", to: "ada", text: "from nobody" },
  { type: "signal", to: "ada", data: 1 },
  { type: "read", conversation: "ada:bob", seq: 1 },
  { type: "sync", inbox: 0 },
  { type: "history", with: "ada" },
  { type: "conversation.list" },
  { type: "logout" },
  { type: "logout", all: true },
  { type: "password", old: "secret", new: "stolen" },
  { type: "friend.request", name: "ada" },
  { type: "friend.accept", name: "ada" },
  { type: "friend.remove", name: "ada" },
  { type: "friend.block", name: "ada" },
  { type: "friend.unblock", name: "ada" },
  { type: "friend.list" },
  { type: "group.create", group: "#mine", mode: "open" },
  { type: "group.invite", group: "#team", name: "bob" },
  { type: "group.join", group: "#team" },
  { type: "group.leave", group: "#team" },
  { type: "group.remove", group: "#team", name: "bob" },
  { type: "group.delete", group: "#team" },
  { type: "group.list" },
  { type: "group.members", group: "#team" },
];

for (const store of STORES) {
  test(`every request before a login is refused and changes nothing, whoever it claims to come from (${store})`, async () => {
    await using cluster = await startCluster(store);
    await using ada = await RawClient.login(cluster.at(0), "ada");
    await using bob = await RawClient.login(cluster.at(1), "bob", { device: "phone" });
    await ada.ask({ type: "group.create", group: "#team", mode: "open" });
    await bob.ask({ type: "group.join", group: "#team" });
    await bob.ask({ type: "send", to: "ada", text: "real" });
    await ada.hasMessages(1);
    {
      await using nobody = await RawClient.connect(cluster.at(0));
      for (const request of REQUESTS) {
        const answer = await nobody.ask({ ...CLAIM, ...request });
        assertEquals([request.type, answer.code], [request.type, "not_logged_in"]);
      }
      nobody.tell({ type: "ack", inbox: 1, ...CLAIM });
      assertEquals((await nobody.next("error")).code, "not_logged_in");
    }
    await bob.ask({ type: "send", to: "ada", text: "last" });
    assertEquals(
      (await ada.hasMessages(2)).map(({ text }) => text),
      ["real", "last"],
    );
    assertEquals((await ada.ask({ type: "friend.list" })).friends, []);
    const { members } = await ada.ask({ type: "group.members", group: "#team" });
    assertEquals(
      (members as { readonly name: string }[]).map(({ name }) => name),
      ["ada", "bob"],
    );
    assertEquals((await bob.ask({ type: "ping" })).type, "pong");
    await using again = await RawClient.login(cluster.at(0), "bob", { device: "tablet" });
    assertEquals(
      (await again.hasMessages(2)).map(({ text }) => text),
      ["real", "last"],
    );
  });

  test(`a frame that claims to be from somebody else is taken as from who is logged in (${store})`, async () => {
    await using cluster = await startCluster(store);
    await using eve = await RawClient.login(cluster.at(0), "eve");
    await using ada = await RawClient.login(cluster.at(1), "ada");
    await using bob = await RawClient.login(cluster.at(0), "bob", { device: "phone" });
    const forged = await eve.ask({
      ...CLAIM,
      type: "send",
      to: "ada",
      text: "trust me",
      conversation: "ada:bob",
    });
    assertEquals([forged.type, forged.conversation], ["ok", "ada:eve"]);
    assertEquals(
      (await ada.hasMessages(1)).map(({ from, conversation }) => [from, conversation]),
      [["eve", "ada:eve"]],
    );
    const page = await eve.ask({ ...CLAIM, type: "history", with: "ada" });
    assertEquals((page.messages as unknown[]).length, 1);
    await eve.ask({ ...CLAIM, type: "logout", all: true });
    assertEquals((await bob.ask({ type: "ping" })).type, "pong");
    assertEquals(
      bob.frames.filter(({ type }) => type === "closing" || type === "message"),
      [],
    );
  });
}
