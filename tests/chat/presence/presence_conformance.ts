import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Presence, PresenceError } from "../../../src/chat/presence/mod.ts";
import { test } from "../../testing.ts";
import type { GoneLog } from "./gone_log.ts";

/** A server of a cluster, as presence sees it. */
export interface PresentServer extends AsyncDisposable {
  readonly presence: Presence;
  readonly gone: GoneLog;
  /** Lets the server die without a word. */
  crash(): Promise<void>;
}

/** A cluster without servers. */
export interface PresenceCluster extends AsyncDisposable {
  start(server: string): Promise<PresentServer>;
}

/** What a kind of presence that knows several servers promises. */
export function testPresence(kind: string, open: () => Promise<PresenceCluster>): void {
  const promise = (
    name: string,
    body: (one: PresentServer, two: PresentServer, cluster: PresenceCluster) => Promise<void>,
  ): void =>
    test(`${kind} presence ${name}`, async () => {
      await using cluster = await open();
      await using one = await cluster.start("one");
      await using two = await cluster.start("two");
      await body(one, two, cluster);
    });
  testComing(promise);
  testDying(promise);
}

type Define = (
  name: string,
  body: (one: PresentServer, two: PresentServer, cluster: PresenceCluster) => Promise<void>,
) => void;

function testComing(promise: Define): void {
  promise("says online for a user's first server and offline for the last", async (one, two) => {
    assertEquals(await one.presence.arrive("ann"), true);
    assertEquals(await two.presence.arrive("ann"), false);
    assertEquals(await one.presence.leave("ann"), false);
    assertEquals(await two.presence.leave("ann"), true);
    assertEquals(await one.presence.arrive("ann"), true);
  });

  promise("knows who is online on any server", async (one, two) => {
    await Promise.all([one.presence.arrive("ann"), two.presence.arrive("bob"), two.presence.arrive("cid")]);
    await two.presence.leave("cid");
    for (const { presence } of [one, two]) {
      assertEquals([...(await presence.online(["cid", "bob", "ann", "dan"]))], ["bob", "ann"]);
      assertEquals((await presence.online([])).size, 0);
    }
  });

  promise("knows a server that began after it", async (one, _, cluster) => {
    await using three = await cluster.start("three");
    await three.presence.arrive("ann");
    assertEquals([...(await one.presence.online(["ann"]))], ["ann"]);
    assertEquals(await one.presence.arrive("ann"), false);
  });

  promise("keeps the order of what happens to a user within one tick", async (one, two) => {
    const { presence } = one;
    const answers = [presence.arrive("ann"), presence.leave("ann"), presence.arrive("ann")];
    assertEquals(await Promise.all(answers), [true, true, true]);
    assertEquals([...(await two.presence.online(["ann"]))], ["ann"]);
    await Promise.all([presence.leave("ann"), presence.arrive("ann"), presence.leave("ann")]);
    assertEquals((await two.presence.online(["ann"])).size, 0);
  });

  promise("takes 5,000 arrivals of a storm in a few seconds at most", async (one, two) => {
    const users = Array.from({ length: 5000 }, (_, index) => `user${index}`);
    const startedAt = performance.now();
    const firsts = await Promise.all(users.map((user) => one.presence.arrive(user)));
    const tookMs = performance.now() - startedAt;
    assert(firsts.every(Boolean));
    assertEquals((await two.presence.online(users)).size, 5000);
    assert(tookMs < 5000, `it took ${tookMs} ms`);
  });

  promise("rejects everything once it is closed", async (one) => {
    await one.presence[Symbol.asyncDispose]();
    for (const ask of [
      () => one.presence.arrive("ann"),
      () => one.presence.leave("ann"),
      () => one.presence.online(["ann"]),
    ]) {
      await assertRejects(ask, PresenceError);
    }
  });
}

function testDying(promise: Define): void {
  promise(
    "tells once of those who went offline with a server that died, and of nobody else",
    async (one, two) => {
      await Promise.all(["ann", "bob", "cid"].map((user) => one.presence.arrive(user)));
      await two.presence.arrive("bob");
      await one.crash();
      // Between the death and its discovery.
      await two.presence.arrive("cid");
      await two.gone.told("ann");
      assertEquals(two.gone.names, ["ann"]);
      assertEquals([...(await two.presence.online(["ann", "bob", "cid"]))], ["bob", "cid"]);
      assertEquals(await two.presence.arrive("ann"), true);
    },
  );

  promise("tells of those whom a server still holds when it is closed", async (one, two) => {
    await one.presence.arrive("ann");
    await one.presence.arrive("bob");
    await one.presence.leave("bob");
    await one.presence[Symbol.asyncDispose]();
    await two.gone.told("ann");
    assertEquals(two.gone.names, ["ann"]);
    assertEquals((await two.presence.online(["ann"])).size, 0);
  });

  promise("tells one of the living when all other servers die", async (one, two, cluster) => {
    await using three = await cluster.start("three");
    await one.presence.arrive("ann");
    await two.presence.arrive("ann");
    await two.presence.arrive("bob");
    await Promise.all([one.crash(), two.crash()]);
    await three.gone.told("ann");
    await three.gone.told("bob");
    assertEquals((await three.presence.online(["ann", "bob"])).size, 0);
  });
}
