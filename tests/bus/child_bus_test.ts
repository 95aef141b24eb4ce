import { assert, assertEquals } from "@std/assert";
import { type LocalBus, localBus } from "../../src/bus/mod.ts";
import { type Child, startChild } from "../../src/server/mod.ts";
import { test } from "../testing.ts";
import type { Order, Report } from "./child.ts";
import { bytes, hear } from "./hearing.ts";

/** A child process on a hub, as its test sees it. */
async function startServer(hub: LocalBus) {
  const child: Child = await startChild(new URL("./child.ts", import.meta.url).href, []);
  hub.attach(child.channel);
  const heard: string[] = [];
  let told = Promise.withResolvers<void>();
  const subscribed = new Set<string>();
  child.channel.on("test", (body) => {
    // As the child sends it.
    const report = body as Report;
    if ("subscribed" in report) subscribed.add(report.subscribed);
    else heard.push(...report.heard);
    told.resolve();
    told = Promise.withResolvers();
  });
  const order = (body: Order): boolean => child.channel.send("test", body);
  return {
    child,
    heard,
    async subscribe(channel: string) {
      order({ do: "subscribe", channel });
      while (!subscribed.has(channel)) await told.promise;
    },
    publish: (channel: string, count: number, size = 0) => order({ do: "publish", channel, count, size }),
    async hears(count: number) {
      while (heard.length < count) await told.promise;
      return heard.map((item) => item.trimEnd());
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

const numbers = (count: number): string[] => Array.from({ length: count }, (_, index) => `${index}`);

test("10,000 publishes of a child reach another child, itself and the parent in order", async () => {
  await using hub = localBus();
  await using one = await startServer(hub);
  await using two = await startServer(hub);
  await using parent = await hear(hub, "a");
  await Promise.all([one.subscribe("a"), two.subscribe("a")]);
  one.publish("a", 10_000);
  const all = await Promise.all([one.hears(10_000), two.hears(10_000), parent.hears(10_000)]);
  for (const heard of all) assertEquals(heard, numbers(10_000));
});

test("publishes of the parent reach the children that subscribed and no other", async () => {
  await using hub = localBus();
  await using one = await startServer(hub);
  await using two = await startServer(hub);
  await Promise.all([one.subscribe("a"), two.subscribe("b")]);
  for (const number of numbers(100)) hub.publish("a", bytes(number));
  hub.publish("b", bytes("end"));
  assertEquals(await two.hears(1), ["end"]);
  assertEquals(await one.hears(100), numbers(100));
});

test("a child that is killed loses its interest, and the others go on", async () => {
  await using hub = localBus();
  await using one = await startServer(hub);
  await using two = await startServer(hub);
  await Promise.all([one.subscribe("a"), two.subscribe("a")]);
  one.child.kill("SIGKILL");
  await one.child.channel.closed;
  assertEquals(hub.children, 1);
  hub.publish("a", bytes("x"));
  assertEquals(await two.hears(1), ["x"]);
  assertEquals(hub.dropped, 0);
});

test("a child that is frozen costs the hub no more than its limit, and hears again when it goes on", async () => {
  await using hub = localBus({ maxPendingBytes: 1_048_576 });
  await using one = await startServer(hub);
  await using two = await startServer(hub);
  await Promise.all([one.subscribe("a"), two.subscribe("b")]);
  one.child.kill("SIGSTOP");
  const payload = bytes("0".padEnd(65_536));
  for (let i = 0; i < 32; i++) hub.publish("a", payload);
  assert(hub.dropped >= 16, `only ${hub.dropped} of 32 were dropped`);
  hub.publish("b", bytes("x"));
  assertEquals(await two.hears(1), ["x"]);
  one.child.kill("SIGCONT");
  const kept = 32 - hub.dropped;
  await one.hears(kept);
  // More than the limit in all: what was taken in makes room.
  for (let round = 1; round <= 4; round++) {
    for (let i = 0; i < 8; i++) hub.publish("a", payload);
    await one.hears(kept + round * 8);
  }
  assertEquals(hub.dropped, 32 - kept);
});
