import { assert, assertEquals } from "@std/assert";
import { RawClient } from "../../helpers.ts";
import { test } from "../../testing.ts";
import { chatServers } from "../chat_servers.ts";
import { befriend, codeOf, eventsOf, ok } from "./social_steps.ts";

test("a request reaches the other one on another server, and once it is accepted both see each other online", async () => {
  await using cluster = await chatServers(2);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using bob = await RawClient.login(cluster.at(1), "bob");
  await ok(ada, { type: "friend.request", name: "Bob" });
  assertEquals(await bob.next("friend"), { type: "friend", name: "ada", event: "requested" });
  assertEquals((await ok(ada, { type: "friend.list" })).friends, [{ name: "bob", state: "outgoing" }]);
  assertEquals((await ok(bob, { type: "friend.list" })).friends, [{ name: "ada", state: "incoming" }]);
  await ok(bob, { type: "friend.accept", name: "ada" });
  assertEquals(await ada.next("friend"), { type: "friend", name: "bob", event: "accepted" });
  assertEquals(await ada.next("presence"), { type: "presence", name: "bob", online: true });
  assertEquals(await bob.next("presence"), { type: "presence", name: "ada", online: true });
  const friends = [{ name: "bob", state: "friend", online: true }];
  assertEquals((await ok(ada, { type: "friend.list" })).friends, friends);
});

test("two who have asked each other are friends", async () => {
  await using cluster = await chatServers(1);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using bob = await RawClient.login(cluster.at(0), "bob");
  await ok(ada, { type: "friend.request", name: "bob" });
  await ok(bob, { type: "friend.request", name: "ada" });
  assertEquals((await ada.next("friend")).event, "accepted");
  const [friend] = (await ok(bob, { type: "friend.list" })).friends as { state: string }[];
  assertEquals(friend?.state, "friend");
});

test("each reason against a request about friends has its code", async () => {
  await using cluster = await chatServers(1);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using bob = await RawClient.login(cluster.at(0), "bob");
  const codes: readonly (readonly [string, string, string])[] = [
    ["request", "nobody", "unknown_user"],
    ["request", "not a name", "bad_name"],
    ["request", "Ada", "forbidden"],
    ["accept", "bob", "forbidden"],
    ["block", "nobody", "unknown_user"],
    ["unblock", "nobody", "unknown_user"],
    ["remove", "nobody", "unknown_user"],
  ];
  for (const [action, name, code] of codes) {
    assertEquals(await codeOf(ada, { type: `friend.${action}`, name }), code, action);
  }
  await ok(bob, { type: "friend.block", name: "ada" });
  assertEquals(await codeOf(ada, { type: "friend.request", name: "bob" }), "forbidden");
});

test("what ends a friendship is told to the devices of both, once, and to end it again changes nothing", async () => {
  await using cluster = await chatServers(2);
  await using ada = await RawClient.login(cluster.at(0), "ada", { device: "phone" });
  await using laptop = await RawClient.login(cluster.at(1), "ada", { device: "laptop" });
  await using bob = await RawClient.login(cluster.at(1), "bob");
  await befriend(ada, "ada", bob, "bob");
  await ok(ada, { type: "friend.remove", name: "bob" });
  await ok(ada, { type: "friend.remove", name: "bob" });
  await bob.until("the end", () => bob.frames.find(({ event }) => event === "removed"));
  await laptop.until("the end", () => laptop.frames.find(({ event }) => event === "removed"));
  await ok(ada, { type: "friend.request", name: "bob" });
  await bob.until("the marker", () => (eventsOf(bob, "friend").length >= 4 ? true : undefined));
  assertEquals(eventsOf(bob, "friend").slice(2), [
    { name: "ada", event: "removed" },
    { name: "ada", event: "requested" },
  ]);
  assertEquals(eventsOf(laptop, "friend"), [
    { name: "bob", event: "accepted" },
    { name: "bob", event: "removed" },
  ]);
});

test("a block ends a friendship and refuses messages, signals and requests until it is lifted", async () => {
  await using cluster = await chatServers(2);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using bob = await RawClient.login(cluster.at(1), "bob");
  await befriend(ada, "ada", bob, "bob");
  await ok(ada, { type: "signal", to: "bob", data: 0 });
  await ok(bob, { type: "friend.block", name: "ada" });
  await ok(bob, { type: "friend.block", name: "ada" });
  assertEquals((await ok(bob, { type: "friend.list" })).friends, [{ name: "ada", state: "blocked" }]);
  assertEquals((await ok(ada, { type: "friend.list" })).friends, []);
  assertEquals(await codeOf(ada, { type: "friend.request", name: "bob" }), "forbidden");
  assertEquals(await codeOf(ada, { type: "send", to: "bob", text: "hello" }), "forbidden");
  await using late = await RawClient.connect(cluster.at(1));
  await ok(late, { type: "login", name: "ada", password: "secret", device: "late" });
  assertEquals(await codeOf(late, { type: "signal", to: "bob", data: 1 }), "forbidden");
  await ok(bob, { type: "friend.unblock", name: "ada" });
  await ok(ada, { type: "friend.request", name: "bob" });
  await ok(late, { type: "signal", to: "bob", data: 2 });
});

test("requests about friends count as messages, so that nobody floods others with them", async () => {
  await using cluster = await chatServers(1, { limits: { messagesPerSecond: 1 } });
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using bob = await RawClient.login(cluster.at(0), "bob");
  await ok(ada, { type: "friend.request", name: "bob" });
  await ok(ada, { type: "friend.remove", name: "bob" });
  const refused = await ada.ask({ type: "friend.request", name: "bob" });
  assertEquals([refused.code, Number(refused.retry) >= 500], ["rate_limited", true]);
  await ok(ada, { type: "friend.list" });
  await bob.next("friend");
});

test("a server that cannot tell who is online leaves it out of its lists and says nothing wrong", async () => {
  await using cluster = await chatServers(2);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using bob = await RawClient.login(cluster.at(1), "bob");
  await befriend(ada, "ada", bob, "bob");
  await ok(ada, { type: "group.create", group: "#g" });
  cluster.losePresence(0);
  const friends = [{ name: "bob", state: "friend" }];
  assertEquals((await ok(ada, { type: "friend.list" })).friends, friends);
  const [member] = (await ok(ada, { type: "group.members", group: "#g" })).members as object[];
  assertEquals(member, { name: "ada", owner: true, delivered: 0, read: 0 });
  assert(cluster.errors.some((error) => String(error).startsWith("PresenceError")));
});
