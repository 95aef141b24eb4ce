import { assert, assertEquals } from "@std/assert";
import { wait } from "../../src/async/mod.ts";
import { formatAddress } from "../../src/net/mod.ts";
import { faultProxy } from "../fault_proxy.ts";
import { RawClient } from "../helpers.ts";
import { redisServer } from "../redis_server.ts";
import { test } from "../testing.ts";
import { serverCluster } from "./clusters.ts";

/** Two of the watchdog's words unheard, a new connection, a reconcile: well before the reconcile that comes by itself. */
const LATEST_MS = 20_000;

test("a subscriber connection that dies in silence is replaced by the watchdog, and what it missed arrives", async () => {
  await using redis = await redisServer();
  await using proxy = await faultProxy({ host: "127.0.0.1", port: redis.port }, { mark: "subscribe" });
  const through = `redis://${formatAddress(proxy.address)}`;
  await using cluster = await serverCluster({ redis: (turn) => (turn === 1 ? through : redis.url) });
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using bob = await RawClient.login(cluster.at(1), "bob");
  const before = proxy.marked;
  assert(before > 0, "there was to be a subscriber");
  proxy.stall("both", { only: "marked" });
  const started = performance.now();
  assertEquals((await ada.ask({ type: "send", to: "bob", text: "unheard" })).type, "ok");
  while (bob.messages.length === 0 && performance.now() - started < LATEST_MS) await wait(20);
  assertEquals(
    bob.messages.map(({ text }) => text),
    ["unheard"],
  );
  // From now on by hints again: a reconcile would take longer than this.
  const hinted = performance.now();
  await ada.ask({ type: "send", to: "bob", text: "heard" });
  await bob.hasMessages(2);
  assert(performance.now() - hinted < 2000, "the new subscriber was to bring it");
});
