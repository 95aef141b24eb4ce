import { assert, assertEquals } from "@std/assert";
import { wait } from "../../src/async/mod.ts";
import { RawClient } from "../helpers.ts";
import { redisSentinel } from "../redis_sentinel.ts";
import { test } from "../testing.ts";
import { serverCluster } from "./clusters.ts";
import { Ledger } from "./ledger.ts";
import { assertSettled, cursorOf, joinChat, register, sayMany } from "./people.ts";

/** Asks until the store is there again. */
async function done(client: RawClient, request: Readonly<Record<string, unknown>>): Promise<void> {
  let reply = await client.ask(request);
  for (; reply.code === "unavailable"; reply = await client.ask(request)) await wait(20);
  assertEquals(reply.type, "ok", `the answer to ${request.type} is ${JSON.stringify(reply)}`);
}

test("a fail-over to a replica with older data is told as a rollback, to who is online and to who was away", async () => {
  await using sentinel = await redisSentinel({ downAfterMs: 300 });
  await using cluster = await serverCluster({ redis: () => sentinel.url });
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using bob = await RawClient.login(cluster.at(1), "bob");
  await using cat = await RawClient.login(cluster.at(1), "cat");
  const send = async (to: string, text: string): Promise<void> => {
    await done(ada, { type: "send", id: `${to} ${text}`, to, text });
  };
  for (const to of ["bob", "cat"]) await send(to, "kept");
  await Promise.all([bob.hasMessages(1), cat.hasMessages(1)]);
  await sentinel.pauseReplication();
  for (const text of ["gone 1", "gone 2"]) for (const to of ["bob", "cat"]) await send(to, text);
  await Promise.all([bob.hasMessages(3), cat.hasMessages(3)]);
  const cursor = cursorOf(cat);
  cat.connection.abort();
  await sentinel.killMaster();
  for (const to of ["bob", "cat"]) await send(to, "after");
  await using again = await RawClient.connect(cluster.at(0));
  await done(again, { type: "login", name: "cat", password: "secret", cursor });
  for (const client of [bob, again]) {
    await client.until("what was sent afterwards", () =>
      client.messages.find(({ text }) => text === "after"),
    );
    const told = client.frames.findIndex(({ type, reason }) => type === "resync" && reason === "rollback");
    assert(told >= 0, "nobody was told");
    assert(told < client.frames.findIndex(({ text }) => text === "after"), "it was told too late");
  }
});

test("a fail-over to a replica that has everything loses nothing of what is sent meanwhile, and tells nobody of a rollback", async () => {
  // On a busy machine a master must not be taken for dead: that would be another fail-over, which loses something.
  await using sentinel = await redisSentinel({ downAfterMs: 20_000 });
  await using cluster = await serverCluster({ redis: () => sentinel.url });
  await register(cluster.at(0), ["ada", "bob"]);
  const ledger = new Ledger();
  await using ada = await joinChat(cluster.from(0), "ada", ledger);
  await using bob = await joinChat(cluster.from(1), "bob", ledger);
  const talk = Promise.all([sayMany(ada, "bob", 400, 8), sayMany(bob, "ada", 400, 8)]);
  await ledger.reached(() => ledger.acknowledged > 50);
  await sentinel.handOver();
  await talk;
  await assertSettled(ledger);
  assertEquals(ledger.verdict().resyncs, 0);
});
