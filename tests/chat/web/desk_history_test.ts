import { assertEquals } from "@std/assert";
import { RawClient } from "../../helpers.ts";
import { test } from "../../testing.ts";
import { chatServers } from "../chat_servers.ts";
import { rollbackWorld } from "../rollback_world.ts";
import { Watched } from "./watched_desk.ts";

/** Messages that are sent at once. */
const LOT = 50;

async function sendLots(from: RawClient, lots: number): Promise<void> {
  for (let lot = 0; lot < lots; lot++) {
    const sends = Array.from({ length: LOT }, () => from.ask({ type: "send", to: "ada", text: "hello" }));
    await Promise.all(sends);
  }
}

test("who leaves a conversation while older messages are loading, and comes back, misses none in between", async () => {
  await using cluster = await chatServers(1, { web: {} });
  await using bob = await RawClient.loginWeb(cluster.webAt(0), "bob");
  await using ada = await Watched.open(cluster.webAt(0), "ada");
  await sendLots(bob, 6);
  const fromBob = ada.desk.conversations.with("bob");
  await ada.shows("the newest message", () => fromBob.last?.seq === 300);
  assertEquals(fromBob.lines.length, 100);
  fromBob.forget();
  ada.desk.look("bob");
  for (const count of [50, 100, 150]) {
    await ada.shows(`${count} messages`, () => fromBob.lines.length === count);
    if (count < 150) ada.desk.loadOlder(fromBob);
  }
  ada.desk.loadOlder(fromBob);
  ada.desk.look(undefined);
  // What was asked for first is answered first.
  assertEquals(await ada.desk.act(async (client) => void (await client.history("bob", { limit: 1 }))), true);
  ada.desk.look("bob");
  while (fromBob.hasOlder) {
    ada.desk.loadOlder(fromBob);
    await ada.shows("older messages", () => fromBob.history !== "loading");
  }
  assertEquals(
    fromBob.lines.map(({ seq }) => seq),
    Array.from({ length: 300 }, (_, index) => index + 1),
  );
});

test("what comes after the servers went back to older data is unread, also under a number that was counted before", async () => {
  await using world = await rollbackWorld({ web: {} });
  const { cluster } = world;
  await using bob = await RawClient.loginWeb(cluster.webAt(0), "bob");
  const away = await Watched.open(cluster.webAt(0), "ada");
  await away.desk.leave();
  await world.keep();
  for (const text of ["1", "2", "3"]) await bob.ask({ type: "send", to: "ada", text });
  await using ada = await Watched.open(cluster.webAt(0), "ada");
  const fromBob = ada.desk.conversations.with("bob");
  await ada.shows("the last", () => fromBob.last?.text === "3");
  assertEquals(fromBob.unread, 3);
  await world.rollBack();
  await Promise.all(cluster.servers.map((server) => server.reconcile()));
  for (const text of ["4", "5"]) await bob.ask({ type: "send", to: "ada", text });
  await ada.shows("the new ones", () => fromBob.last?.text === "5");
  assertEquals(fromBob.unread, 5);
});

test("a conversation that is loaded while somebody looks at another one stays unread", async () => {
  await using cluster = await chatServers(1, { web: {} });
  await using bob = await RawClient.loginWeb(cluster.webAt(0), "bob");
  await using ada = await Watched.open(cluster.webAt(0), "ada");
  const fromBob = ada.desk.conversations.with("bob");
  await bob.ask({ type: "send", to: "ada", text: "hello" });
  await ada.shows("one unread", () => fromBob.unread === 1);
  ada.desk.look("bob");
  ada.desk.look("ada");
  ada.desk.see(true);
  await ada.shows("what bob said before", () => fromBob.history === "whole");
  assertEquals(fromBob.unread, 1);
});
