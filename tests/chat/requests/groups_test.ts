import { assertEquals, assertStringIncludes } from "@std/assert";
import { RawClient } from "../../helpers.ts";
import { test } from "../../testing.ts";
import { chatServers } from "../chat_servers.ts";
import { codeOf, eventsOf, ok, openGroup } from "./social_steps.ts";

/** Waits until a client was told of `count` changes of groups, and gives them. */
async function groupEvents(client: RawClient, count: number): Promise<object[]> {
  await client.until(`${count} events of groups`, () =>
    eventsOf(client, "group").length >= count ? true : undefined,
  );
  return eventsOf(client, "group");
}

test("who is invited on another server joins, and all members are told", async () => {
  await using cluster = await chatServers(2);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using bob = await RawClient.login(cluster.at(1), "bob");
  assertEquals((await ok(ada, { type: "group.create", group: "#Team" })).group, "#team");
  assertEquals(await codeOf(bob, { type: "group.join", group: "#team" }), "forbidden");
  await ok(ada, { type: "group.invite", group: "#team", name: "Bob" });
  const invited = { group: "#team", name: "bob", event: "invited" };
  assertEquals(await groupEvents(bob, 1), [invited]);
  const invitations = [{ group: "#team", state: "invited", by: "ada" }];
  assertEquals((await ok(bob, { type: "group.list" })).groups, invitations);
  await ok(bob, { type: "group.join", group: "#team" });
  const joined = { group: "#team", name: "bob", event: "joined" };
  assertEquals(await groupEvents(bob, 2), [invited, joined]);
  assertEquals(await groupEvents(ada, 3), [
    { group: "#team", name: "ada", event: "joined" },
    invited,
    joined,
  ]);
});

test("members are listed with who owns the group, who is online and how far they have read", async () => {
  await using cluster = await chatServers(2);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using bob = await RawClient.login(cluster.at(1), "bob");
  await openGroup("#g", ada, [bob]);
  await ok(ada, { type: "send", to: "#g", text: "hello" });
  const [message] = await bob.hasMessages(1);
  await ok(bob, { type: "read", conversation: "#g", seq: message?.seq });
  const answer = await ok(bob, { type: "group.members", group: "#g" });
  const members = answer.members as Record<string, unknown>[];
  assertEquals(
    members.map(({ name, owner, read, online }) => ({ name, owner, read, online })),
    [
      { name: "ada", owner: true, read: 1, online: true },
      { name: "bob", owner: false, read: 1, online: true },
    ],
  );
  assertEquals(answer.more, false);
});

test("the owner removes members, leaving passes the group on, and deleting it ends it for all", async () => {
  await using cluster = await chatServers(2);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using bob = await RawClient.login(cluster.at(1), "bob");
  await using eve = await RawClient.login(cluster.at(1), "eve");
  await openGroup("#g", ada, [bob, eve]);
  assertEquals(await codeOf(bob, { type: "group.remove", group: "#g", name: "eve" }), "forbidden");
  assertEquals(await codeOf(bob, { type: "group.delete", group: "#g" }), "forbidden");
  await ok(ada, { type: "group.remove", group: "#g", name: "eve" });
  assertEquals(await codeOf(eve, { type: "send", to: "#g", text: "still here?" }), "not_member");
  await ok(ada, { type: "group.leave", group: "#g" });
  await ok(bob, { type: "group.invite", group: "#g", name: "eve" });
  await ok(bob, { type: "group.delete", group: "#g" });
  const changes = [
    { group: "#g", name: "bob", event: "joined" },
    { group: "#g", name: "eve", event: "joined" },
    { group: "#g", name: "eve", event: "removed" },
    { group: "#g", name: "ada", event: "left" },
    { group: "#g", name: "eve", event: "invited" },
    { group: "#g", name: "bob", event: "deleted" },
  ];
  assertEquals(await groupEvents(bob, 6), changes);
  assertEquals(await groupEvents(eve, 4), changes.toSpliced(3, 1).slice(1));
  assertEquals(await codeOf(bob, { type: "group.members", group: "#g" }), "unknown_group");
  assertEquals((await ok(ada, { type: "group.list" })).groups, []);
});

test("each reason against a request about groups has its code", async () => {
  await using cluster = await chatServers(1, { storeLimits: { members: 2 } });
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using bob = await RawClient.login(cluster.at(0), "bob");
  await using eve = await RawClient.login(cluster.at(0), "eve");
  await openGroup("#g", ada, [bob]);
  const codes: readonly (readonly [RawClient, object, string])[] = [
    [ada, { type: "group.create", group: "#g" }, "name_taken"],
    [ada, { type: "group.create", group: "g" }, "bad_name"],
    [ada, { type: "group.create", group: "#a b" }, "bad_name"],
    [ada, { type: "group.join", group: "#none" }, "unknown_group"],
    [eve, { type: "group.join", group: "#g" }, "group_full"],
    [eve, { type: "group.leave", group: "#g" }, "not_member"],
    [eve, { type: "group.delete", group: "#g" }, "not_member"],
    [eve, { type: "group.invite", group: "#g", name: "ada" }, "not_member"],
    [eve, { type: "group.members", group: "#g" }, "not_member"],
    [ada, { type: "group.members", group: "#none" }, "unknown_group"],
    [ada, { type: "group.members", group: "#g", after: "not a name" }, "bad_name"],
    [ada, { type: "group.list", after: "not a group" }, "bad_name"],
    [ada, { type: "group.invite", group: "#g", name: "nobody" }, "unknown_user"],
    [ada, { type: "group.remove", group: "#g", name: "eve" }, "unknown_user"],
    [ada, { type: "group.remove", group: "#g", name: "not a name" }, "bad_name"],
    [bob, { type: "group.remove", group: "#g", name: "ada" }, "forbidden"],
  ];
  for (const [client, frame, code] of codes) {
    assertEquals(await codeOf(client, { ...frame }), code, JSON.stringify(frame));
  }
});

test("a page that begins after what is no name is refused with the field that says so", async () => {
  await using cluster = await chatServers(1);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await ok(ada, { type: "group.create", group: "#g" });
  const words = async (frame: Record<string, unknown>): Promise<string> =>
    String((await ada.ask(frame)).message);
  assertStringIncludes(await words({ type: "group.list", after: "a b" }), "after is # and 1 to 32 of a-z");
  assertStringIncludes(
    await words({ type: "group.members", group: "#g", after: "a b" }),
    "after has 1 to 32 of a-z",
  );
});

test("who has blocked somebody gets no invitation from them, and the one who invites is told why", async () => {
  await using cluster = await chatServers(2);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using bob = await RawClient.login(cluster.at(1), "bob");
  await ok(ada, { type: "group.create", group: "#g" });
  await ok(bob, { type: "friend.block", name: "ada" });
  const { code, message } = await ada.ask({ type: "group.invite", group: "#g", name: "bob" });
  assertEquals([code, message], ["forbidden", "bob has blocked you"]);
  assertEquals((await ok(bob, { type: "group.list" })).groups, []);
});

test("what is done to a group again changes nothing and is told to nobody", async () => {
  await using cluster = await chatServers(1);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using bob = await RawClient.login(cluster.at(0), "bob");
  await openGroup("#g", ada, [bob]);
  await ok(bob, { type: "group.join", group: "#g" });
  await ok(ada, { type: "group.invite", group: "#g", name: "bob" });
  await ok(bob, { type: "group.leave", group: "#g" });
  assertEquals(await groupEvents(ada, 3), [
    { group: "#g", name: "ada", event: "joined" },
    { group: "#g", name: "bob", event: "joined" },
    { group: "#g", name: "bob", event: "left" },
  ]);
});

test("lists of groups and members come in pages, in the order of names", async () => {
  await using cluster = await chatServers(1);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  for (const group of ["#c", "#a", "#b"]) await ok(ada, { type: "group.create", group });
  const first = await ok(ada, { type: "group.list", limit: 2 });
  assertEquals(
    [(first.groups as { group: string }[]).map(({ group }) => group), first.more],
    [["#a", "#b"], true],
  );
  const rest = await ok(ada, { type: "group.list", limit: 2, after: "#b" });
  assertEquals([(rest.groups as { group: string }[]).map(({ group }) => group), rest.more], [["#c"], false]);
  await using bob = await RawClient.login(cluster.at(0), "bob");
  await ok(ada, { type: "group.invite", group: "#a", name: "bob" });
  await ok(bob, { type: "group.join", group: "#a" });
  const page = await ok(bob, { type: "group.members", group: "#a", after: "ada", limit: 1 });
  assertEquals([(page.members as { name: string }[]).map(({ name }) => name), page.more], [["bob"], false]);
});

test("a group's messages have one order for all, however many servers they are sent from at once", async () => {
  await using cluster = await chatServers(3);
  await using stack = new AsyncDisposableStack();
  const names = ["ada", "bob", "eve", "fay", "gus", "hal"];
  const members: RawClient[] = [];
  for (const [index, name] of names.entries()) {
    members.push(stack.use(await RawClient.login(cluster.at(index % 3), name)));
  }
  const [owner, ...others] = members;
  if (!owner) throw new Error("nobody is there");
  await openGroup("#all", owner, others);
  const sends = members.flatMap((member, index) =>
    Array.from({ length: 20 }, (_, count) =>
      ok(member, { type: "send", to: "#all", text: `${names[index]} ${count}` }),
    ),
  );
  const answers = await Promise.all(sends);
  assertEquals(new Set(answers.map(({ seq }) => seq)).size, sends.length);
  const orders = await Promise.all(members.map((member) => member.hasMessages(sends.length)));
  const seen = orders.map((messages) => messages.map(({ seq, text }) => `${seq} ${text}`));
  for (const order of seen) assertEquals(order, seen[0]);
  assertEquals(
    orders[0]?.map(({ seq }) => seq),
    sends.map((_, index) => index + 1),
  );
});
