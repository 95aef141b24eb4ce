import { assertEquals } from "@std/assert";
import { RawClient } from "../../helpers.ts";
import { test } from "../../testing.ts";
import { chatServers } from "../chat_servers.ts";
import { codeOf, eventsOf, ok, openGroup } from "./social_steps.ts";

/** Sends a marker after what was sent before, and gives all signals that came until it. */
async function signalsUntil(client: RawClient, data: unknown): Promise<object[]> {
  await client.until(`signal ${data}`, () => client.frames.find((frame) => frame.data === data));
  return eventsOf(client, "signal");
}

test("a signal reaches every device of a user on every server, as it was sent, and leaves nothing in the inbox", async () => {
  await using cluster = await chatServers(3);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using phone = await RawClient.login(cluster.at(1), "bob", { device: "phone" });
  await using laptop = await RawClient.login(cluster.at(2), "bob", { device: "laptop" });
  const data = {
    typing: true,
    "key \u2028": ['quotes " and \\', "NUL \0", "\u{1F469}\u200D\u{1F4BB}", 1e21, null],
  };
  await ok(ada, { type: "signal", to: "Bob", data });
  const event = { type: "signal", from: "ada", to: "bob", data };
  assertEquals(await phone.next("signal"), event);
  assertEquals(await laptop.next("signal"), event);
  await ok(ada, { type: "send", to: "bob", text: "hello" });
  assertEquals((await phone.hasMessages(1))[0]?.inbox, 1);
  assertEquals(eventsOf(ada, "signal"), []);
});

test("signals of one session arrive in their order, whether or not the store is asked before", async () => {
  await using cluster = await chatServers(2);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using bob = await RawClient.login(cluster.at(1), "bob");
  for (let data = 1; data <= 100; data++) ada.tell({ type: "signal", to: "bob", data });
  const arrived = await signalsUntil(bob, 100);
  assertEquals(
    arrived,
    Array.from({ length: 100 }, (_, index) => ({ from: "ada", to: "bob", data: index + 1 })),
  );
});

test("a signal to a group reaches its members and one's own other devices, but not the session that sends", async () => {
  await using cluster = await chatServers(2);
  await using ada = await RawClient.login(cluster.at(0), "ada", { device: "phone" });
  await using laptop = await RawClient.login(cluster.at(0), "ada", { device: "laptop" });
  await using bob = await RawClient.login(cluster.at(1), "bob");
  await using eve = await RawClient.login(cluster.at(1), "eve");
  await openGroup("#g", ada, [bob]);
  await ok(ada, { type: "signal", to: "#G", data: 1 });
  await ok(bob, { type: "signal", to: "#g", data: 2 });
  const first = { from: "ada", to: "#g", data: 1 };
  assertEquals(await signalsUntil(laptop, 2), [first, { from: "bob", to: "#g", data: 2 }]);
  assertEquals(await signalsUntil(ada, 2), [{ from: "bob", to: "#g", data: 2 }]);
  await ok(ada, { type: "signal", to: "bob", data: 3 });
  assertEquals(await signalsUntil(bob, 3), [first, { from: "ada", to: "bob", data: 3 }]);
  await ok(ada, { type: "signal", to: "eve", data: 4 });
  assertEquals(await signalsUntil(eve, 4), [{ from: "ada", to: "eve", data: 4 }]);
});

test("a signal to oneself reaches one's other devices only", async () => {
  await using cluster = await chatServers(2);
  await using phone = await RawClient.login(cluster.at(0), "ada", { device: "phone" });
  await using laptop = await RawClient.login(cluster.at(1), "ada", { device: "laptop" });
  await using bob = await RawClient.login(cluster.at(1), "bob");
  await ok(phone, { type: "signal", to: "ada", data: 1 });
  await signalsUntil(laptop, 1);
  await ok(bob, { type: "signal", to: "ada", data: 2 });
  assertEquals(await signalsUntil(phone, 2), [{ from: "bob", to: "ada", data: 2 }]);
});

test("a signal without an id is not answered, unless it is refused", async () => {
  await using cluster = await chatServers(1);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  ada.tell({ type: "signal", to: "ada", data: 1 });
  ada.tell({ type: "signal", to: "nobody", data: 1 });
  const before = ada.frames.length;
  await ok(ada, { type: "friend.list" });
  assertEquals(
    ada.frames.slice(before).map(({ type, code }) => code ?? type),
    ["unknown_user", "ok"],
  );
});

test("each reason against a signal has its code, and nobody hears of it", async () => {
  await using cluster = await chatServers(1);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using bob = await RawClient.login(cluster.at(0), "bob");
  await ok(bob, { type: "group.create", group: "#secret" });
  const codes: readonly (readonly [string, string])[] = [
    ["nobody", "unknown_user"],
    ["#nothing", "unknown_group"],
    ["#secret", "not_member"],
    ["not a name", "bad_name"],
    ["#not a name", "bad_name"],
  ];
  for (const [to, code] of codes) assertEquals(await codeOf(ada, { type: "signal", to, data: 1 }), code, to);
  await ok(bob, { type: "signal", to: "#secret", data: 2 });
  assertEquals(await codeOf(ada, { type: "signal", to: "#secret", data: 3 }), "not_member");
  await ok(ada, { type: "signal", to: "bob", data: 4 });
  assertEquals(await signalsUntil(bob, 4), [{ from: "ada", to: "bob", data: 4 }]);
});

test("who has left a group can signal to it no more, and who has joined can at once", async () => {
  await using cluster = await chatServers(1);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using bob = await RawClient.login(cluster.at(0), "bob");
  await openGroup("#g", ada, []);
  await ok(ada, { type: "signal", to: "#g", data: 1 });
  await ok(bob, { type: "group.join", group: "#g" });
  await ok(bob, { type: "signal", to: "#g", data: 2 });
  await signalsUntil(ada, 2);
  await ok(bob, { type: "group.leave", group: "#g" });
  assertEquals(await codeOf(bob, { type: "signal", to: "#g", data: 3 }), "not_member");
});

test("signals count as messages", async () => {
  await using cluster = await chatServers(1, { limits: { messagesPerSecond: 1 } });
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await ok(ada, { type: "signal", to: "ada", data: 1 });
  await ok(ada, { type: "signal", to: "ada", data: 2 });
  assertEquals(await codeOf(ada, { type: "signal", to: "ada", data: 3 }), "rate_limited");
});

test("signals to a client that does not read are dropped, and its messages arrive all the same", async () => {
  await using cluster = await chatServers(1);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using bob = await RawClient.login(cluster.at(0), "bob");
  bob.connection.pause();
  const data = "x".repeat(4000);
  for (let count = 0; count < 4000; count++) ada.tell({ type: "signal", to: "bob", data });
  await ok(ada, { type: "send", to: "bob", text: "after them" });
  bob.connection.resume();
  assertEquals((await bob.hasMessages(1))[0]?.text, "after them");
  assertEquals(eventsOf(bob, "signal").length < 4000, true);
  await ok(ada, { type: "signal", to: "bob", data: "last" });
  await signalsUntil(bob, "last");
});
