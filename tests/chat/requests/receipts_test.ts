import { assertEquals } from "@std/assert";
import { eventually, RawClient } from "../../helpers.ts";
import { redisServer } from "../../redis_server.ts";
import { test } from "../../testing.ts";
import { chatServers } from "../chat_servers.ts";

test("an acknowledgement tells the sender on another server how far the other one has got it, and history says so later", async () => {
  await using cluster = await chatServers(2);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using bob = await RawClient.login(cluster.at(1), "bob");
  for (const text of ["one", "two", "three"]) await ada.ask({ type: "send", to: "bob", text });
  await bob.hasMessages(3);
  bob.tell({ type: "ack", inbox: 2 });
  const { type: _, ...receipt } = await ada.next("receipt");
  assertEquals(receipt, { conversation: "ada:bob", name: "bob", delivered: 2 });
  const { receipts } = await ada.ask({ type: "history", with: "bob" });
  assertEquals(receiptOf(receipts, "bob"), { name: "bob", delivered: 2, read: 0 });
});

test("one acknowledgement of many messages is one receipt for each sender, and none for one's own", async () => {
  await using cluster = await chatServers(1);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using carl = await RawClient.login(cluster.at(0), "carl");
  await using bob = await RawClient.login(cluster.at(0), "bob");
  for (const client of [ada, carl, ada, carl]) await client.ask({ type: "send", to: "bob", text: "hello" });
  await bob.ask({ type: "send", to: "ada", text: "and back" });
  await bob.hasMessages(5);
  bob.tell({ type: "ack", inbox: 5 });
  assertEquals([(await ada.next("receipt")).delivered, (await carl.next("receipt")).delivered], [2, 2]);
  await bob.ask({ type: "send", to: "carl", text: "the end" });
  await carl.hasMessages(3);
  for (const client of [ada, carl])
    assertEquals(client.frames.filter(({ type }) => type === "receipt").length, 1);
});

test("a device that comes back with a cursor has got what is before it, and the sender is told", async () => {
  await using cluster = await chatServers(2);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  const first = await RawClient.login(cluster.at(1), "bob");
  await ada.ask({ type: "send", to: "bob", text: "seen, and not acknowledged" });
  const [seen] = await first.hasMessages(1);
  const { epoch } = await first.until("the login", () => first.frames.find((frame) => "epoch" in frame));
  await first[Symbol.asyncDispose]();
  const cursor = { epoch, inbox: seen?.inbox, stamp: seen?.stamp };
  await using bob = await RawClient.login(cluster.at(0), "bob", { cursor });
  assertEquals((await ada.next("receipt")).delivered, 1);
  assertEquals((await bob.ask({ type: "ping" })).type, "pong");
});

test("read tells the other one and one's own other devices, never more than there is, and nobody twice", async () => {
  await using cluster = await chatServers(2);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using phone = await RawClient.login(cluster.at(0), "bob", { device: "phone" });
  await using laptop = await RawClient.login(cluster.at(1), "bob", { device: "laptop" });
  for (const text of ["one", "two"]) await ada.ask({ type: "send", to: "bob", text });
  await phone.hasMessages(2);
  const read = { type: "read", conversation: "ada:bob" };
  assertEquals((await phone.ask({ ...read, seq: 1 })).type, "ok");
  assertEquals([(await ada.next("receipt")).read, (await laptop.next("receipt")).read], [1, 1]);
  assertEquals((await phone.ask({ ...read, seq: 99 })).type, "ok");
  assertEquals([(await ada.next("receipt")).read, (await laptop.next("receipt")).read], [2, 2]);
  assertEquals((await laptop.ask({ ...read, seq: 2 })).type, "ok");
  await ada.ask({ type: "send", to: "bob", text: "three" });
  await laptop.hasMessages(3);
  assertEquals(ada.frames.filter(({ type }) => type === "receipt").length, 2);
});

test("what the log keeps no more can still be read", async () => {
  await using redis = await redisServer();
  await using cluster = await chatServers(1, { redis: redis.url, storeLimits: { logMs: 100 } });
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using bob = await RawClient.login(cluster.at(0), "bob");
  for (const text of ["one", "two"]) await ada.ask({ type: "send", to: "bob", text });
  await bob.hasMessages(2);
  const isGone = async (): Promise<boolean> => {
    const { messages } = await bob.ask({ type: "history", with: "ada" });
    return Array.isArray(messages) && messages.length === 0;
  };
  await eventually("the log gone", isGone);
  assertEquals((await bob.ask({ type: "read", conversation: "ada:bob", seq: 2 })).type, "ok");
  assertEquals((await ada.next("receipt")).read, 2);
});

test("read is refused for a conversation that is not one's own", async () => {
  await using cluster = await chatServers(1);
  await using eve = await RawClient.login(cluster.at(0), "eve");
  const codeFor = async (conversation: string) =>
    (await eve.ask({ type: "read", conversation, seq: 1 })).code;
  assertEquals(await codeFor("ada:bob"), "not_member");
  assertEquals(await codeFor("ada:bob:eve"), "not_member");
  assertEquals(await codeFor("eve"), "not_member");
  assertEquals(await codeFor("#nowhere"), "unknown_group");
  assertEquals(await codeFor("no spaces"), "bad_name");
});

test("a login says how many messages of each conversation are unread, one's own not counted", async () => {
  await using cluster = await chatServers(2);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using carl = await RawClient.login(cluster.at(0), "carl");
  const first = await RawClient.login(cluster.at(1), "bob");
  for (const text of ["one", "two", "three"]) await ada.ask({ type: "send", to: "bob", text });
  await carl.ask({ type: "send", to: "bob", text: "hello" });
  await first.ask({ type: "read", conversation: "ada:bob", seq: 1 });
  await first.ask({ type: "send", to: "carl", text: "answered" });
  await first[Symbol.asyncDispose]();
  await using bob = await RawClient.connect(cluster.at(0));
  const login = await bob.ask({ type: "login", name: "bob", password: "secret" });
  assertEquals(login.unread, { "ada:bob": 2 });
});

function receiptOf(receipts: unknown, name: string): unknown {
  return (receipts as { name: string }[]).find((receipt) => receipt.name === name);
}

test("conversations are listed by pages, on any server, also when they are read, and none of a group that one has left", async () => {
  await using cluster = await chatServers(2);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using bob = await RawClient.login(cluster.at(1), "bob");
  await ada.ask({ type: "group.create", group: "#crew", mode: "open" });
  await bob.ask({ type: "group.join", group: "#crew" });
  for (const to of ["bob", "bob", "#crew", "ada"]) await ada.ask({ type: "send", to, text: "hello" });
  await bob.hasMessages(3);
  await bob.ask({ type: "read", conversation: "ada:bob", seq: 2 });
  const crew = { conversation: "#crew", seq: 1, read: 0 };
  const pair = { conversation: "ada:bob", seq: 2, read: 2 };
  const list = { type: "conversation.list" };
  const { conversations, more } = await bob.ask(list);
  assertEquals([conversations, more], [[crew, pair], false]);
  const first = await bob.ask({ ...list, limit: 1 });
  assertEquals([first.conversations, first.more], [[crew], true]);
  const rest = await bob.ask({ ...list, limit: 1, after: "#Crew" });
  assertEquals([rest.conversations, rest.more], [[pair], false]);
  assertEquals((await bob.ask({ ...list, after: "bob:ada" })).conversations, []);
  assertEquals((await bob.ask({ ...list, after: "ada:carl" })).code, "not_member");
  assertEquals((await bob.ask({ ...list, after: "no name:bob" })).code, "bad_name");
  await bob.ask({ type: "group.leave", group: "#crew" });
  assertEquals((await bob.ask(list)).conversations, [pair]);
});
