import { assertEquals } from "@std/assert";
import { RawClient } from "../../helpers.ts";
import { test } from "../../testing.ts";
import { chatServers } from "../chat_servers.ts";
import { befriend, eventsOf, ok } from "../requests/social_steps.ts";

/** What a client was told of who is online. To be told the same again changes nothing. */
function changesOf(client: RawClient): string[] {
  const told = client.frames
    .filter(({ type }) => type === "presence")
    .map(({ name, online }) => `${name} ${online ? "online" : "offline"}`);
  return told.filter((change, index) => change !== told[index - 1]);
}

test("friends on every server are told once that somebody came, with the first device, and went, with the last", async () => {
  await using cluster = await chatServers(3);
  await using bob = await RawClient.login(cluster.at(1), "bob");
  {
    await using ada = await RawClient.login(cluster.at(0), "ada", { device: "phone" });
    await befriend(ada, "ada", bob, "bob");
    await using laptop = await RawClient.login(cluster.at(2), "ada", { device: "laptop" });
    await ok(laptop, { type: "friend.list" });
  }
  await bob.until("ada to go", () => bob.frames.find(({ online }) => online === false));
  await using again = await RawClient.login(cluster.at(2), "ada");
  await bob.until("ada to come back", () => (changesOf(bob).length === 3 ? true : undefined));
  assertEquals(changesOf(bob), ["ada online", "ada offline", "ada online"]);
  await ok(again, { type: "friend.list" });
});

test("users of a server that dies are gone for their friends, but not those who are on another one, too", async () => {
  await using cluster = await chatServers(2);
  await using bob = await RawClient.login(cluster.at(1), "bob");
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using eve = await RawClient.login(cluster.at(0), "eve");
  await using eveToo = await RawClient.login(cluster.at(1), "eve", { device: "other" });
  await befriend(ada, "ada", bob, "bob");
  await befriend(eve, "eve", bob, "bob");
  // Answered by the presence after it was told of all who are on that server.
  await ok(bob, { type: "friend.list" });
  cluster.losePresence(0);
  await bob.until("ada to go", () => bob.frames.find(({ online }) => online === false));
  const states = [
    { name: "ada", state: "friend", online: false },
    { name: "eve", state: "friend", online: true },
  ];
  assertEquals((await ok(bob, { type: "friend.list" })).friends, states);
  assertEquals(
    eventsOf(bob, "presence").filter((event) => "online" in event && event.online === false),
    [{ name: "ada", online: false }],
  );
  await ok(eveToo, { type: "friend.list" });
});

test("who is no friend, or has only asked, is told nothing of who comes and goes", async () => {
  await using cluster = await chatServers(2);
  await using bob = await RawClient.login(cluster.at(1), "bob");
  await using eve = await RawClient.login(cluster.at(1), "eve");
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await befriend(ada, "ada", bob, "bob");
  await ok(eve, { type: "friend.request", name: "ada" });
  cluster.losePresence(0);
  await bob.until("ada to go", () => bob.frames.find(({ online }) => online === false));
  await ok(eve, { type: "friend.list" });
  assertEquals(eventsOf(eve, "presence"), []);
});
