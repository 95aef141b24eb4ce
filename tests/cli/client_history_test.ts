import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { systemClock } from "../../src/async/mod.ts";
import { connectChat, tcpDial } from "../../src/chat/mod.ts";
import { olderCountOf, Past, wantedOf } from "../../src/cli/client_history.ts";
import { systemDriver } from "../../src/net/mod.ts";
import { chatServers } from "../chat/chat_servers.ts";
import { RawClient } from "../helpers.ts";
import { test } from "../testing.ts";
import { drawn } from "./drawn_window.ts";
import { clientOf, linesOf } from "./piped_client.ts";
import { acknowledged, IN_TERMINAL, personAt, WIDE } from "./terminal_client.ts";

const PLAIN = { NO_COLOR: "1", TERM: "xterm" };

test("the words of /history are a name, a count, both or none, and digits alone are a count", () => {
  const counts = new Map([
    ["busy", 70],
    ["wild", 5000],
  ]);
  const unread = (peer: string): number => counts.get(peer) ?? 0;
  const wanted = (line: string, peer?: string) => wantedOf(line.split(" ").filter(Boolean), peer, unread);
  assertEquals(wanted("", "bob"), { peer: "bob", count: 20 });
  assertEquals(wanted("Carol", "bob"), { peer: "carol", count: 20 });
  assertEquals(wanted("@carol 5", "bob"), { peer: "carol", count: 5 });
  assertEquals(wanted("#crew 200"), { peer: "#crew", count: 200 });
  assertEquals(wanted("30", "bob"), { peer: "bob", count: 30 });
  assertEquals(wanted("@30", "bob"), { peer: "30", count: 20 });
  assertEquals(wanted("30 7", "bob"), { peer: "30", count: 7 });
  assertEquals(
    [wanted("busy"), wanted("wild")],
    [
      { peer: "busy", count: 70 },
      { peer: "wild", count: 200 },
    ],
  );
  for (const line of ["bob 0", "bob 201", "bob x", "0", "1000", "bob 5 5"])
    assertMatch(String(wanted(line, "bob")), /^say it as \/history NAME COUNT, COUNT from 1 to 200$/, line);
  for (const line of ["", "5", "@"]) assertEquals(wanted(line), "say with whom: /history NAME");
  assertEquals([olderCountOf([]), olderCountOf(["9"])], [undefined, 9]);
  for (const words of [["0"], ["x"], ["5", "5"]])
    assertMatch(String(olderCountOf(words)), /^say it as \/older COUNT/);
});

test("messages that are too long for one page of the server come all the same, once and in order", async () => {
  await using cluster = await chatServers(1);
  await using bob = await RawClient.login(cluster.at(0), "bob");
  const sent = Array.from({ length: 12 }, (_, index) => `${index} ${"x".repeat(30_000)}`);
  for (const text of sent) await bob.ask({ type: "send", to: "bob", text });
  const dial = tcpDial(systemDriver(), [cluster.at(0)]);
  await using client = await connectChat({ dial, credentials: { name: "bob", password: "secret" } });
  const past = new Past();
  const newest = await past.newest(client, { peer: "bob", count: 9 });
  assertEquals([newest.messages.map(({ text }) => text), newest.more], [sent.slice(3), true]);
  const older = await past.older(client);
  assertEquals([older.messages.map(({ text }) => text), older.more], [sent.slice(0, 3), false]);
  assertEquals(await past.older(client), { peer: "bob", messages: [], more: false });
});

test("/history shows as many as are asked for, and /older what was before, until nothing is left", async () => {
  await using cluster = await chatServers(1);
  await using bob = await RawClient.login(cluster.at(0), "bob");
  await using phone = await RawClient.login(cluster.at(0), "ada", { device: "phone" });
  for (let number = 1; number <= 50; number++) await bob.ask({ type: "send", to: "ada", text: `${number}` });
  await acknowledged(phone, bob, 50);
  await phone.ask({ type: "read", conversation: "ada:bob", seq: 50 });
  await using ada = clientOf(cluster, "ada");
  ada.type(
    "/older\n/history Bob\n/older\n/older 9\n/older 9\n/older\n/history bob 3\n/older 2\n/history bob 0\n",
  );
  ada.endInput();
  assertEquals(await ada.end(), 1);
  const between = (first: number, last: number) =>
    Array.from({ length: last - first + 1 }, (_, index) => `bob: ${first + index}`);
  assertEquals(linesOf(ada), [
    ...between(31, 50),
    ...between(11, 30),
    ...between(2, 10),
    "bob: 1",
    ...between(48, 50),
    ...between(46, 47),
  ]);
  assertStringIncludes(ada.stderr, "say first with whom: /history NAME\n");
  assertStringIncludes(ada.stderr, "— nothing older with bob\n");
  assertStringIncludes(ada.stderr, "say it as /history NAME COUNT");
  assertEquals(ada.stderr.split("— /older shows what was before\n").length - 1, 5);
});

test(
  "on a terminal /history tells the day of what is older, and shows all that is unread",
  IN_TERMINAL,
  async () => {
    const at = Date.now() - 3 * 86_400_000;
    await using cluster = await chatServers(1, { clock: { ...systemClock, wallNow: () => at } });
    await using bob = await RawClient.login(cluster.at(0), "bob");
    await using phone = await RawClient.login(cluster.at(0), "ada", { device: "phone" });
    for (let number = 1; number <= 30; number++)
      await bob.ask({ type: "send", to: "ada", text: `no ${number}` });
    await phone.hasMessages(30);
    phone.tell({ type: "ack", inbox: 30 });
    await phone.ask({ type: "ping" });
    await using ada = personAt(cluster, "ada", { env: PLAIN, window: WIDE });
    await ada.says("— unread: bob 30");
    ada.type("@bob\r");
    await ada.until("the prompt", () => drawn(ada.stdout, WIDE.columns).at(-1) === "ada → bob>" || undefined);
    const rows = drawn(ada.stdout, WIDE.columns);
    const first = rows.findIndex((row) => row.endsWith("bob: no 1"));
    assertEquals(rows[first - 1], `— ${new Date(at).toDateString()}`);
    assertEquals(rows.slice(first).filter((row) => row.includes("bob: no ")).length, 30);
    assert(!ada.stdout.includes("/older"), ada.stdout);
    ada.type("/quit\r");
    assertEquals(await ada.end(), 0);
  },
);
