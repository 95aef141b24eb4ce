import { assertEquals, assertRejects } from "@std/assert";
import { type ChatClient, ChatError, type Credentials, connectChat, tcpDial } from "../../../src/chat/mod.ts";
import { systemDriver } from "../../../src/net/mod.ts";
import { faultProxy } from "../../fault_proxy.ts";
import { RawClient, Signal } from "../../helpers.ts";
import { test } from "../../testing.ts";
import { type ChatServers, chatServers } from "../chat_servers.ts";
import { Hearer, optionsFor } from "./hearer.ts";
import { eachWay, type Way } from "./ways.ts";

/** Ada and Bob on two servers. */
async function start(
  way: Way,
): Promise<
  { cluster: ChatServers; ada: ChatClient; bob: ChatClient; hearing: [Hearer, Hearer] } & AsyncDisposable
> {
  const stack = new AsyncDisposableStack();
  const cluster = stack.use(await chatServers(2, { web: {} }));
  const first = stack.use(await Hearer.login(way, way.at(cluster, 0), "ada"));
  const second = stack.use(await Hearer.login(way, way.at(cluster, 1), "bob"));
  return {
    cluster,
    ada: first.client,
    bob: second.client,
    hearing: [first, second],
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

async function codeOf(asking: Promise<unknown>): Promise<string> {
  return (await assertRejects(() => asking, ChatError)).code;
}

eachWay(
  "a ChatClient makes friends, lists them with presence, and is told of both sides' steps",
  async (way) => {
    await using world = await start(way);
    const { ada, bob, hearing } = world;
    await ada.friends.request("bob");
    assertEquals(await hearing[1].hears("friend"), { name: "ada", event: "requested" });
    assertEquals(await bob.friends.list(), [{ name: "ada", state: "incoming" }]);
    await bob.friends.accept("ada");
    assertEquals(await hearing[0].hears("friend"), { name: "bob", event: "accepted" });
    assertEquals(await hearing[0].hears("presence"), { name: "bob", online: true });
    assertEquals(await ada.friends.list(), [{ name: "bob", state: "friend", online: true }]);
    await bob.friends.remove("ada");
    assertEquals(await hearing[0].hears("friend"), { name: "bob", event: "removed" });
    assertEquals(await ada.friends.list(), []);
  },
);

eachWay("who is blocked can write again after unblock, and meanwhile gets forbidden", async (way) => {
  await using world = await start(way);
  const { ada, bob } = world;
  await bob.friends.block("ada");
  assertEquals(
    [await codeOf(ada.send("bob", "x")), await codeOf(ada.friends.request("bob"))],
    ["forbidden", "forbidden"],
  );
  await bob.friends.unblock("ada");
  assertEquals((await ada.send("bob", "x")).seq, 1);
});

eachWay("a ChatClient makes a group, invites, sends to it, and ends it", async (way) => {
  await using world = await start(way);
  const { ada, bob, hearing } = world;
  await ada.groups.create("#crew");
  await ada.groups.invite("#crew", "bob");
  assertEquals(await hearing[1].hears("group"), { group: "#crew", name: "bob", event: "invited" });
  assertEquals(await bob.groups.list(), {
    groups: [{ group: "#crew", state: "invited", by: "ada" }],
    more: false,
  });
  await bob.groups.join("#crew");
  assertEquals((await bob.send("#crew", "hello")).conversation, "#crew");
  const { members } = await ada.groups.members("#crew");
  assertEquals(
    members.map(({ name, owner }) => [name, owner]),
    [
      ["ada", true],
      ["bob", false],
    ],
  );
  assertEquals((await ada.history("#crew")).messages[0]?.text, "hello");
  await ada.groups.remove("#crew", "bob");
  assertEquals(await codeOf(bob.send("#crew", "still there")), "not_member");
  await ada.groups.delete("#crew");
  assertEquals((await ada.groups.list()).groups, []);
});

eachWay("lists come in pages", async (way) => {
  await using world = await start(way);
  for (const name of ["#a", "#b", "#c"]) await world.ada.groups.create(name, "open");
  const first = await world.ada.groups.list({ limit: 2 });
  const second = await world.ada.groups.list({ limit: 2, after: "#b" });
  assertEquals(
    [first, second].map(({ groups, more }) => [groups.map(({ group }) => group), more]),
    [
      [["#a", "#b"], true],
      [["#c"], false],
    ],
  );
  await world.bob.groups.join("#a");
  assertEquals((await world.ada.groups.members("#a", { after: "ada" })).members.length, 1);
});

eachWay(
  "signals arrive with their data and are not kept, and receipts tell how far the other one has read",
  async (way) => {
    await using world = await start(way);
    const { ada, bob, hearing } = world;
    await ada.signal("bob", { typing: [true, null, "…"] });
    assertEquals(await hearing[1].hears("signal"), {
      from: "ada",
      to: "bob",
      data: { typing: [true, null, "…"] },
    });
    const { conversation, seq } = await ada.send("bob", "read me");
    assertEquals(await hearing[0].hears("receipt"), { conversation, name: "bob", delivered: seq });
    await bob.read(conversation, seq);
    assertEquals(await hearing[0].hears("receipt"), { conversation, name: "bob", read: seq });
    const { messages, receipts } = await ada.history("bob");
    assertEquals(
      messages.map(({ text }) => text),
      ["read me"],
    );
    assertEquals(receipts.find(({ name }) => name === "bob")?.read, seq);
  },
);

eachWay("a login tells how much is unread, by conversation", async (way) => {
  await using world = await start(way);
  const { cluster, ada } = world;
  for (const text of ["1", "2", "3"]) await ada.send("bob", text);
  const told = new Signal<ReadonlyMap<string, number>>();
  await using _other = await connectChat({
    ...optionsFor(way, way.at(cluster, 0), "bob"),
    handler: { online: (_, unread) => told.fire(unread) },
  });
  assertEquals([...(await told.wait("the login"))], [["ada:bob", 3]]);
});

eachWay(
  "after a change of the password the old one is worth nothing, and this login goes on",
  async (way) => {
    await using world = await start(way);
    const { ada, cluster } = world;
    assertEquals(await codeOf(ada.changePassword("wrong", "new secret")), "bad_credentials");
    await ada.changePassword("secret", "new secret");
    assertEquals((await ada.send("bob", "still here")).seq, 1);
    assertEquals(await codeOf(connectChat(optionsFor(way, way.at(cluster, 0), "ada"))), "bad_credentials");
  },
);

test("however large a number somebody has logged in with, no change of the password shuts out the user's own devices", async () => {
  await using cluster = await chatServers(1);
  await using thief = await RawClient.login(cluster.at(0), "ada", { device: "thief", attempt: 2 ** 52 });
  assertEquals(thief.frames.at(-1)?.type, "ok");
  const options = {
    dial: tcpDial(systemDriver(), [cluster.at(0)]),
    credentials: { name: "ada", password: "secret" },
  } as const;
  {
    await using laptop = await connectChat({ ...options, device: "laptop" });
    await using phone = await connectChat({ ...options, device: "phone" });
    await phone.changePassword("secret", "new secret");
    assertEquals(await laptop.closed, "refused");
  }
  for (const device of ["laptop", "phone", "thief"]) {
    const credentials = { name: "ada", password: "new secret" };
    await using client = await connectChat({ ...options, credentials, device });
    assertEquals(client.user, "ada");
  }
});

eachWay("logout of all ends every client of the user, and none comes back", async (way) => {
  await using world = await start(way);
  const second = await connectChat(optionsFor(way, way.at(world.cluster, 1), "ada"));
  await world.ada.logout({ all: true });
  assertEquals([await world.ada.closed, await second.closed], ["closed", "refused"]);
});

eachWay("an announcement reaches every client", async (way) => {
  await using world = await start(way);
  await world.cluster.servers[0]?.control.announce("we move at noon");
  for (const hearer of world.hearing) {
    const { text } = (await hearer.hears("announcement")) as { text: string };
    assertEquals(text, "we move at noon");
  }
});

eachWay(
  "a client whose session an operator closes comes back by its token, and one whose tokens were revoked ends",
  async (way) => {
    await using world = await start(way);
    const [server] = world.cluster.servers;
    const back = new Signal<void>();
    let logins = 0;
    await using client = await connectChat({
      ...optionsFor(way, way.at(world.cluster, 1), "ada"),
      handler: { online: () => void (++logins === 2 && back.fire()) },
    });
    await server?.control.closeUser("ada");
    await back.wait("the second login");
    await server?.control.closeUser("ada", { revoke: true });
    assertEquals([await client.closed, await world.ada.closed], ["refused", "refused"]);
  },
);

eachWay(
  "what is asked for without a connection is unavailable at once, but what is sent waits",
  async (way) => {
    await using cluster = await chatServers(1, { web: {} });
    await using proxy = await faultProxy(way.at(cluster, 0));
    const offline = new Signal<void>();
    await (await Hearer.login(way, way.at(cluster, 0), "ada"))[Symbol.asyncDispose]();
    await using ada = await connectChat({
      ...optionsFor(way, proxy.address, "ada"),
      handler: { offline: offline.fire },
    });
    proxy.cut();
    await offline.wait("the loss of the connection");
    const codes = await Promise.all(
      [ada.friends.list(), ada.groups.create("#g"), ada.signal("ada", 1), ada.history("ada")].map(codeOf),
    );
    assertEquals(codes, ["unavailable", "unavailable", "unavailable", "unavailable"]);
    assertEquals((await ada.send("ada", "later")).seq, 1);
  },
);

eachWay(
  "credentials from a function are asked for before each login, and what it throws is a failed try",
  async (way) => {
    await using cluster = await chatServers(1, { web: {} });
    await using proxy = await faultProxy(way.at(cluster, 0));
    await (await Hearer.login(way, way.at(cluster, 0), "ada"))[Symbol.asyncDispose]();
    const asked: string[] = [];
    const back = new Signal<void>();
    const credentials = (): Credentials => {
      asked.push("asked");
      if (asked.length === 2) throw new Error("the other service is away");
      if (asked.length === 4) back.fire();
      return { name: "ada", password: "secret" };
    };
    await using client = await connectChat({
      ...optionsFor(way, proxy.address, "ada"),
      credentials,
      handler: { online: () => void (asked.length === 3 && proxy.cut()) },
    });
    proxy.cut();
    await back.wait("the fourth time");
    assertEquals(client.user, "ada");
  },
);

eachWay("a function that never gives credentials does not outlive the signal", async (way) => {
  await using cluster = await chatServers(1, { web: {} });
  const options = {
    ...optionsFor(way, way.at(cluster, 0), "ada"),
    credentials: () => new Promise<Credentials>(() => undefined),
    signal: AbortSignal.timeout(100),
  };
  assertEquals((await assertRejects(() => connectChat(options), Error)).name, "TimeoutError");
});

eachWay("a ChatClient lists its conversations by pages, also those that are read", async (way) => {
  await using world = await start(way);
  const { ada, bob } = world;
  await ada.groups.create("#sea");
  const { conversation, seq } = await ada.send("bob", "hello");
  await bob.read(conversation, seq);
  assertEquals(await bob.conversations(), {
    conversations: [{ conversation: "ada:bob", seq: 1, read: 1 }],
    more: false,
  });
  assertEquals(await ada.conversations({ limit: 1 }), {
    conversations: [{ conversation: "#sea", seq: 0, read: 0 }],
    more: true,
  });
  assertEquals(await ada.conversations({ after: "#sea", limit: 1 }), {
    conversations: [{ conversation: "ada:bob", seq: 1, read: 1 }],
    more: false,
  });
  assertEquals(await codeOf(ada.conversations({ after: "bob:carl" })), "not_member");
});
