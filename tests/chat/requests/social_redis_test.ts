import { assertEquals } from "@std/assert";
import { RawClient } from "../../helpers.ts";
import { redisServer } from "../../redis_server.ts";
import { test } from "../../testing.ts";
import { chatServers } from "../chat_servers.ts";
import { befriend, codeOf, eventsOf, ok, openGroup } from "./social_steps.ts";

test("through Redis, friends on different servers find each other, see each other come and go, and block each other", async () => {
  await using redis = await redisServer();
  await using cluster = await chatServers(2, { redis: redis.url });
  await using bob = await RawClient.login(cluster.at(1), "bob");
  {
    await using ada = await RawClient.login(cluster.at(0), "ada");
    await befriend(ada, "ada", bob, "bob");
    const [friend] = (await ok(ada, { type: "friend.list" })).friends as object[];
    assertEquals(friend, { name: "bob", state: "friend", online: true });
    await ok(bob, { type: "signal", to: "ada", data: 1 });
    assertEquals(await ada.next("signal"), { type: "signal", from: "bob", to: "ada", data: 1 });
  }
  await bob.until("ada to go", () => bob.frames.find(({ online }) => online === false));
  await ok(bob, { type: "friend.block", name: "ada" });
  await using again = await RawClient.login(cluster.at(0), "ada");
  assertEquals(await codeOf(again, { type: "send", to: "bob", text: "hello" }), "forbidden");
  assertEquals(await codeOf(again, { type: "friend.request", name: "bob" }), "forbidden");
  assertEquals(await codeOf(again, { type: "signal", to: "bob", data: 1 }), "forbidden");
});

test("through Redis, a group's members on three servers are told of its changes, get its signals, and see one order of its messages", async () => {
  await using redis = await redisServer();
  await using cluster = await chatServers(3, { redis: redis.url });
  await using stack = new AsyncDisposableStack();
  const names = ["ada", "bob", "eve"];
  const members: RawClient[] = [];
  for (const [index, name] of names.entries())
    members.push(stack.use(await RawClient.login(cluster.at(index), name)));
  const [owner, ...others] = members;
  if (!owner) throw new Error("nobody is there");
  await openGroup("#all", owner, others);
  await owner.until("eve to join", () => eventsOf(owner, "group").length === 3 || undefined);
  await ok(owner, { type: "signal", to: "#all", data: "now" });
  for (const other of others) assertEquals((await other.next("signal")).data, "now");
  const sends = members.flatMap((member, index) =>
    Array.from({ length: 20 }, (_, count) =>
      ok(member, { type: "send", to: "#all", text: `${names[index]} ${count}` }),
    ),
  );
  await Promise.all(sends);
  const orders = await Promise.all(members.map((member) => member.hasMessages(sends.length)));
  const seen = orders.map((messages) => messages.map(({ seq, text }) => `${seq} ${text}`));
  for (const order of seen) assertEquals(order, seen[0]);
  await ok(owner, { type: "group.remove", group: "#all", name: "eve" });
  await ok(owner, { type: "group.delete", group: "#all" });
  const [, eve] = others;
  if (!eve) throw new Error("eve is not there");
  await eve.until("to be removed", () => eventsOf(eve, "group").length === 2 || undefined);
  assertEquals(eventsOf(eve, "group").at(-1), { group: "#all", name: "eve", event: "removed" });
});
