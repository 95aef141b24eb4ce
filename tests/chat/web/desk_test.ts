import { assertEquals, assertRejects } from "@std/assert";
import { ChatError, webSocketDial } from "../../../src/chat/mod.ts";
import { type Desk, openDesk } from "../../../src/chat/web/page/desk.ts";
import { formatAddress } from "../../../src/net/mod.ts";
import { faultProxy } from "../../fault_proxy.ts";
import { RawClient } from "../../helpers.ts";
import { test } from "../../testing.ts";
import { chatServers } from "../chat_servers.ts";
import { Watched } from "./watched_desk.ts";

const texts = (desk: Desk, peer: string): string[] =>
  desk.conversations.with(peer).lines.map(({ text }) => text);

test("two pages on two servers chat: unread until it is seen, then the other one is told that it was read", async () => {
  await using cluster = await chatServers(2, { web: {} });
  await using ada = await Watched.open(cluster.webAt(0), "ada");
  await using bob = await Watched.open(cluster.webAt(1), "bob");
  const toBob = ada.desk.conversations.with("bob");
  ada.desk.look("bob");
  for (const text of ["one", "two"]) assertEquals(ada.desk.send(toBob, text), undefined);
  await bob.shows("two unread", (desk) => desk.conversations.with("ada").unread === 2);
  assertEquals(texts(bob.desk, "ada"), ["one", "two"]);
  bob.desk.look("ada");
  bob.desk.see(true);
  await ada.shows(
    "that it was read",
    () => toBob.last !== undefined && toBob.stateOf(toBob.last, "ada") === "Read",
  );
  assertEquals([bob.desk.conversations.unread, toBob.unsent.length], [0, 0]);
  assertEquals(bob.spoken.slice(-2), ["ada: one", "ada: two"]);
});

test("who answers has read what was before, on every page that shows the conversation", async () => {
  await using cluster = await chatServers(2, { web: {} });
  await using ada = await Watched.open(cluster.webAt(0), "ada");
  await using bob = await Watched.open(cluster.webAt(1), "bob");
  // The other device answers: this page says nothing of what was read.
  await using phone = await RawClient.open(cluster.webAt(1));
  await phone.ask({ type: "login", name: "bob", password: "secret", device: "phone" });
  const toBob = ada.desk.conversations.with("bob");
  ada.desk.send(toBob, "tea?");
  await bob.shows("one unread", (desk) => desk.conversations.with("ada").unread === 1);
  await phone.ask({ type: "send", to: "ada", text: "at five" });
  await ada.shows("the answer", () => toBob.lines.length === 2);
  assertEquals(toBob.lines.map((line) => toBob.stateOf(line, "ada"))[0], "Read");
  await bob.shows("the answer", (desk) => texts(desk, "ada").length === 2);
  assertEquals(bob.desk.conversations.unread, 0);
  await bob.desk.leave();
  ada.desk.send(toBob, "six?");
  await ada.shows("that it is stored", () => toBob.lines.length === 3);
  await phone.ask({ type: "send", to: "ada", text: "no" });
  for (const text of ["well", "bye"]) ada.desk.send(toBob, text);
  await ada.shows("that all is stored", () => toBob.unsent.length === 0 && toBob.lines.length === 6);
  await using again = await Watched.open(cluster.webAt(0), "bob");
  await again.shows("all", (desk) => texts(desk, "ada").length >= 4);
  assertEquals(again.desk.conversations.unread, 2);
});

test("a page that comes back counts what is unread once, and has history by pages", async () => {
  await using cluster = await chatServers(1, { web: {} });
  await using ada = await RawClient.loginWeb(cluster.webAt(0), "ada");
  const first = await Watched.open(cluster.webAt(0), "bob");
  await first.desk.leave();
  for (let count = 1; count <= 120; count++) await ada.ask({ type: "send", to: "bob", text: `${count}` });
  await using bob = await Watched.open(cluster.webAt(0), "bob");
  const fromAda = bob.desk.conversations.with("ada");
  await bob.shows("the newest message", () => fromAda.last?.text === "120");
  assertEquals(fromAda.unread, 120);
  fromAda.forget();
  bob.desk.look("ada");
  for (const count of [50, 100, 120]) {
    await bob.shows(
      `${count} of history`,
      () => fromAda.lines.length === count && fromAda.history !== "loading",
    );
    bob.desk.loadOlder(fromAda);
  }
  assertEquals([fromAda.history, fromAda.lines[0]?.text], ["whole", "1"]);
});

test("what is written while the connection moves to another server is sent there, and nothing is missing", async () => {
  await using cluster = await chatServers(2, { web: {} });
  await using proxy = await faultProxy(cluster.webAt(0));
  await using ada = await Watched.open(proxy.address, "ada");
  await using bob = await Watched.open(cluster.webAt(1), "bob");
  const toBob = ada.desk.conversations.with("bob");
  ada.desk.send(toBob, "before");
  await bob.shows("the first", (desk) => texts(desk, "ada").length === 1);
  proxy.target = cluster.webAt(1);
  proxy.cut();
  await ada.shows("that there is no connection", ({ link }) => link.name === "offline");
  for (const text of ["during", "as well"]) ada.desk.send(toBob, text);
  assertEquals(toBob.unsent.length, 2);
  await bob.shows("all", (desk) => texts(desk, "ada").length === 3);
  await ada.shows("no unsent", () => toBob.unsent.length === 0);
  assertEquals(texts(bob.desk, "ada"), ["before", "during", "as well"]);
  assertEquals(texts(ada.desk, "bob"), ["before", "during", "as well"]);
  assertEquals(ada.desk.link, { name: "online", server: "s1" });
  assertEquals(ada.spoken.at(-1), "Connected to another server, s1. Nothing is lost.");
});

test("what one has written is shown once, also when it comes before its answer", async () => {
  await using cluster = await chatServers(1, { web: {} });
  await using proxy = await faultProxy(cluster.webAt(0));
  await using ada = await Watched.open(proxy.address, "ada");
  await using bob = await Watched.open(cluster.webAt(0), "bob");
  const toBob = ada.desk.conversations.with("bob");
  let most = 0;
  // The server stores it; its answer never comes, and the next connection begins with what came into the inbox.
  proxy.stall("to_client");
  ada.desk.send(toBob, "once");
  await bob.shows("the message", (desk) => texts(desk, "ada").length === 1);
  proxy.stall("to_server");
  proxy.cut();
  await ada.shows("that there is no connection", ({ link }) => link.name === "offline");
  proxy.flow();
  await ada.shows("that it is stored", () => {
    most = Math.max(most, toBob.lines.length + toBob.unsent.length);
    return toBob.unsent.length === 0 && toBob.lines.length === 1;
  });
  assertEquals(most, 1);
});

test("what could not be done without a connection is said until there is one, and who is looked at meanwhile is shown then", async () => {
  await using cluster = await chatServers(1, { web: {} });
  await using proxy = await faultProxy(cluster.webAt(0));
  await using ada = await Watched.open(proxy.address, "ada");
  await using bob = await RawClient.loginWeb(cluster.webAt(0), "bob");
  await bob.ask({ type: "register", name: "carl", password: "secret" });
  await bob.ask({ type: "send", to: "ada", text: "hello" });
  await ada.shows("the message", (desk) => texts(desk, "bob").length === 1);
  ada.desk.conversations.with("bob").forget();
  proxy.stall();
  const asked = ada.desk.talk("carl");
  proxy.cut();
  assertEquals(await asked, false);
  assertEquals(ada.desk.problem, "There is no connection now. Try again in a moment.");
  assertEquals(await ada.desk.talk("bob"), true);
  await ada.shows("that it cannot be loaded", ({ problem }) => problem !== "");
  assertEquals([ada.desk.open?.peer, texts(ada.desk, "bob")], ["bob", []]);
  proxy.flow();
  await ada.shows("the connection", ({ link }) => link.name === "online");
  assertEquals(ada.desk.problem, "");
  await ada.shows("the message again", (desk) => texts(desk, "bob")[0] === "hello");
  assertEquals([await ada.desk.talk("carl"), await ada.desk.talk("#none")], [true, false]);
  assertEquals([ada.desk.open?.peer, ada.desk.problem], ["carl", "There is no group of this name."]);
});

test("a page that is loaded again has the conversations that are read, too, and none of a group that was left", async () => {
  await using cluster = await chatServers(1, { web: {} });
  const ada = await Watched.open(cluster.webAt(0), "ada");
  await using bob = await RawClient.loginWeb(cluster.webAt(0), "bob");
  await ada.desk.act((client) => client.groups.create("#sea"));
  await ada.desk.act((client) => client.groups.create("#lake"));
  await ada.desk.act((client) => client.groups.leave("#lake"));
  await bob.ask({ type: "send", to: "ada", text: "hello" });
  await ada.shows("the message", (desk) => texts(desk, "bob").length === 1);
  ada.desk.look("bob");
  ada.desk.see(true);
  await bob.until("that it is read", () => bob.frames.find(({ type, read }) => type === "receipt" && read));
  await ada.desk.leave();
  await using again = await Watched.open(cluster.webAt(0), "ada");
  await again.shows("both", ({ conversations }) => conversations.list().length === 2);
  assertEquals(
    again.desk.conversations.list().map(({ peer, unread }) => [peer, unread]),
    [
      ["#sea", 0],
      ["bob", 0],
    ],
  );
});

test("friends with presence and groups with invitations come by themselves", async () => {
  await using cluster = await chatServers(2, { web: {} });
  await using ada = await Watched.open(cluster.webAt(0), "ada");
  const bob = await Watched.open(cluster.webAt(1), "bob");
  assertEquals(await ada.desk.act((client) => client.friends.request("bob")), true);
  await bob.shows("the request", ({ people: { friends } }) => friends[0]?.state === "incoming");
  await bob.desk.act((client) => client.friends.accept("ada"));
  await ada.shows("a friend online", ({ people: { friends } }) => friends[0]?.online === true);
  await ada.desk.act((client) => client.groups.create("#sea"));
  await ada.desk.act((client) => client.groups.invite("#sea", "bob"));
  await bob.shows("the invitation", ({ people: { groups } }) => groups[0]?.state === "invited");
  await bob.desk.act((client) => client.groups.join("#sea"));
  await bob.shows("the group", ({ people: { groups } }) => groups[0]?.state === "member");
  ada.desk.send(ada.desk.conversations.with("#sea"), "ahoy");
  await bob.shows("the message", (desk) => texts(desk, "#sea")[0] === "ahoy");
  await bob.desk.leave();
  await ada.shows("a friend offline", ({ people: { friends } }) => friends[0]?.online === false);
});

test("who is in the group that is looked at is known and kept up; whoever is removed is in it no more", async () => {
  await using cluster = await chatServers(2, { web: {} });
  await using ada = await Watched.open(cluster.webAt(0), "ada");
  await using bob = await Watched.open(cluster.webAt(1), "bob");
  const names = (desk: Desk): string =>
    desk.people
      .membersOf("#sea")
      .map(({ name }) => name)
      .join();
  await ada.desk.act((client) => client.groups.create("#sea", "open"));
  ada.desk.look("#sea");
  await ada.shows("herself", (desk) => names(desk) === "ada" && desk.people.isMember("#sea") === true);
  await bob.desk.act((client) => client.groups.join("#sea"));
  bob.desk.look("#sea");
  for (const one of [ada, bob]) await one.shows("both", (desk) => names(desk) === "ada,bob");
  assertEquals(
    await bob.desk.attempt((client) => client.groups.remove("#sea", "ada")),
    "This is not allowed.",
  );
  assertEquals(bob.desk.problem, "");
  assertEquals(await ada.desk.attempt((client) => client.groups.remove("#sea", "bob")), undefined);
  await ada.shows("herself alone", (desk) => names(desk) === "ada");
  await bob.shows("that he is out", (desk) => names(desk) === "" && desk.people.isMember("#sea") === false);
  assertEquals([bob.desk.problem, ada.desk.people.membersOf("#other")], ["", []]);
  bob.desk.drop("#sea");
  assertEquals([bob.desk.open, bob.desk.conversations.list().length], [undefined, 0]);
});

test("what cannot be done is said in words; a message that is refused can be taken out", async () => {
  await using cluster = await chatServers(1, { web: {} });
  await using ada = await Watched.open(cluster.webAt(0), "ada");
  assertEquals(await ada.desk.act((client) => client.friends.request("nobody")), false);
  assertEquals(ada.desk.problem, "There is nobody of this name.");
  const toNobody = ada.desk.conversations.with("nobody");
  assertEquals(ada.desk.send(toNobody, "é".repeat(20_000)), "A message has at most 32 KiB.");
  ada.desk.send(toNobody, "hello");
  await ada.shows("why", () => toNobody.unsent[0]?.error === "There is nobody of this name.");
  for (const unsent of [...toNobody.unsent]) ada.desk.discard(toNobody, unsent);
  assertEquals(toNobody.unsent.length, 0);
});

test("a login that is refused rejects; a desk whose tokens were revoked ends, and one in another tab is replaced", async () => {
  await using cluster = await chatServers(1, { web: {} });
  const ada = await Watched.open(cluster.webAt(0), "ada");
  const wrong = {
    dial: webSocketDial([`ws://${formatAddress(cluster.webAt(0))}/ws`]),
    credentials: { name: "ada", password: "wrong" },
    device: "other",
    onChange: () => undefined,
    onSpoken: () => undefined,
    onEnd: () => undefined,
  };
  assertEquals((await assertRejects(() => openDesk(wrong), ChatError)).code, "bad_credentials");
  const again = await Watched.open(cluster.webAt(0), "ada");
  assertEquals(await ada.end.wait("the end of the first"), "replaced");
  await cluster.servers[0]?.control.closeUser("ada", { revoke: true });
  assertEquals(await again.end.wait("the end of the second"), "refused");
});
