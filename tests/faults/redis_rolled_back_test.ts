import { assert, assertEquals } from "@std/assert";
import { wait } from "../../src/async/mod.ts";
import { eventually, type Frame, RawClient } from "../helpers.ts";
import { redisServer } from "../redis_server.ts";
import { test } from "../testing.ts";
import { serverCluster } from "./clusters.ts";
import { Ledger } from "./ledger.ts";
import { copyKeys, rollBack, saveNow } from "./older_data.ts";
import { assertSettled, cursorOf, joinChat, register } from "./people.ts";

/** What is of conversations, and what is of users' inboxes. */
const LOG_KINDS = ["log", "conv", "dedupe", "owed"];
const INBOX_KINDS = ["inbox", "mark"];

/** Ada writes to Bob, who is online, and to Cat, who is away when history goes back. */
async function play(
  goBack: (redis: Awaited<ReturnType<typeof redisServer>>, after: () => Promise<void>) => Promise<void>,
  { args = [], isTold = true }: { readonly args?: readonly string[]; readonly isTold?: boolean } = {},
): Promise<{ readonly bob: readonly Frame[]; readonly cat: readonly Frame[] }> {
  await using redis = await redisServer({ args });
  await using cluster = await serverCluster({ redis: () => redis.url });
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using bob = await RawClient.login(cluster.at(1), "bob");
  let cat = await RawClient.login(cluster.at(1), "cat");
  const send = async (to: string, text: string): Promise<void> => {
    while ((await ada.ask({ type: "send", id: `${to} ${text}`, to, text })).code === "unavailable")
      await wait(20);
  };
  const sendBoth = async (...texts: readonly string[]): Promise<void> => {
    for (const text of texts) for (const to of ["bob", "cat"]) await send(to, text);
  };
  await sendBoth("1", "2");
  await Promise.all([bob.hasMessages(2), cat.hasMessages(2)]);
  await goBack(redis, async () => {
    await sendBoth("3", "4", "5");
    await Promise.all([bob.hasMessages(5), cat.hasMessages(5)]);
    await cat[Symbol.asyncDispose]();
  });
  const cursor = cursorOf(cat);
  if (isTold) await bob.until("a resync", () => bob.frames.find(({ type }) => type === "resync"));
  await sendBoth("after");
  const hasAfter = (client: RawClient) =>
    client.until("what was sent afterwards", () => client.messages.find(({ text }) => text === "after"));
  await hasAfter(bob);
  cat = await RawClient.loginAgain(cluster.at(0), "cat", { cursor });
  await hasAfter(cat);
  await sendBoth("last");
  for (const client of [bob, cat])
    await client.until("the last", () => client.messages.find(({ text }) => text === "last"));
  await cat[Symbol.asyncDispose]();
  return { bob: bob.frames, cat: cat.frames };
}

function rollbacks(frames: readonly Frame[]): number {
  return frames.filter(({ type, reason }) => type === "resync" && reason === "rollback").length;
}

function texts(frames: readonly Frame[]): unknown[] {
  return frames.filter(({ type }) => type === "message").map(({ text }) => text);
}

/** Every `resync` sets a new start; from there on numbers have no hole and nothing comes twice. */
function assertConsecutive(frames: readonly Frame[]): void {
  let next: number | undefined;
  for (const { type, inbox } of frames) {
    if (type === "resync") next = Number(inbox) + 1;
    if (type !== "message") continue;
    if (next !== undefined) assertEquals(inbox, next);
    next = Number(inbox) + 1;
  }
}

test("a Redis that comes back with older data is told as a rollback, to who is online and to who was away", async () => {
  const { bob, cat } = await play(async (redis, after) => {
    await saveNow(redis);
    await after();
    await redis.restart();
  });
  for (const frames of [bob, cat]) {
    assertEquals(rollbacks(frames), 1);
    assertEquals(texts(frames).slice(-2), ["after", "last"]);
    assertConsecutive(frames);
  }
});

test("a rollback of the logs alone is told: what comes under numbers that inboxes have seen is no repeat", async () => {
  const { bob, cat } = await play(async (redis, after) => {
    await saveNow(redis);
    await after();
    await rollBack(redis, await copyKeys(redis, INBOX_KINDS));
  });
  for (const frames of [bob, cat]) {
    assert(rollbacks(frames) >= 1, `not told: ${JSON.stringify(frames.slice(-6)).slice(0, 900)}`);
    assertEquals(texts(frames).slice(-2), ["after", "last"]);
    assertConsecutive(frames);
  }
});

test("a rollback of the inboxes alone is told, and what they miss of the logs is brought again", async () => {
  const { bob, cat } = await play(async (redis, after) => {
    await saveNow(redis);
    await after();
    await rollBack(redis, await copyKeys(redis, LOG_KINDS));
  });
  for (const frames of [bob, cat]) {
    assert(rollbacks(frames) >= 1, `not told: ${JSON.stringify(frames.slice(-6)).slice(0, 900)}`);
    assertEquals(texts(frames).slice(-5), ["3", "4", "5", "after", "last"]);
    assertConsecutive(frames);
  }
});

test("a restart of a Redis that lost nothing is told nobody, and nothing comes twice", async () => {
  const { bob, cat } = await play(
    async (redis, after) => {
      await after();
      await redis.restart();
    },
    { args: ["--appendonly", "yes"], isTold: false },
  );
  assertEquals(rollbacks([...bob, ...cat]), 0);
  assertEquals(texts(bob), ["1", "2", "3", "4", "5", "after", "last"]);
  assertEquals(texts(cat), ["after", "last"]);
});

test("a client in the place of an earlier one shows nothing again when the inboxes go back, knowing what that has shown", async () => {
  await using redis = await redisServer();
  await using cluster = await serverCluster({ redis: () => redis.url });
  await register(cluster.at(0), ["ada", "bob"]);
  const ledger = new Ledger();
  const sight = ledger.device("bob", "phone");
  const addresses = [cluster.at(0)] as const;
  await using ada = await joinChat(addresses, "ada", ledger);
  const first = await joinChat(addresses, "bob", ledger, { sight });
  const say = async (count: number): Promise<void> => {
    for (let number = 0; number < count; number++) await ada.say("bob");
  };
  await say(2);
  await saveNow(redis);
  await say(3);
  await ledger.settled();
  await first.client.close();
  await rollBack(redis, await copyKeys(redis, LOG_KINDS));
  const { cursor } = first.client;
  // As from a file.
  const recent = JSON.parse(JSON.stringify(first.client.recent));
  await using second = await joinChat(addresses, "bob", ledger, { sight, cursor, recent });
  await say(2);
  await assertSettled(ledger);
  assertEquals([first.shown.length, second.shown.length], [5, 2]);
});

test("a client without a cursor shows nothing again of what an earlier one has shown and not acknowledged", async () => {
  const recent = [{ conversation: "ada:bob", from: "ada", id: "1", text: "seen" }];
  await using redis = await redisServer();
  await using cluster = await serverCluster({ redis: () => redis.url });
  await register(cluster.at(0), ["bob"]);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  for (const [id, text] of [
    ["1", "seen"],
    ["2", "not seen"],
    ["3", "seen"],
  ] as const)
    await ada.ask({ type: "send", id, to: "bob", text });
  const ledger = new Ledger();
  const shown: unknown[] = [];
  const sight = {
    ...ledger.device("bob", "phone"),
    see: ({ text }: { text: string }) => void shown.push(text),
  };
  await using _ = await joinChat([cluster.at(0)], "bob", ledger, { sight, recent });
  await eventually("what was not shown", () => shown.length >= 2);
  assertEquals(shown, ["not seen", "seen"]);
});
