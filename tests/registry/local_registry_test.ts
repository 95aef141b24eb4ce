import { assertEquals, assertRejects } from "@std/assert";
import { channelRegistry, localRegistry, RegistryError } from "../../src/registry/mod.ts";
import { startChild } from "../../src/server/mod.ts";
import { channelPair } from "../bus/channel_pair.ts";
import { test } from "../testing.ts";
import { log, server } from "./log.ts";
import { testRegistry } from "./registry_conformance.ts";

testRegistry("child's and parent's", async (onError) => {
  const parent = localRegistry({ onError });
  const pair = channelPair();
  parent.attach(pair.parent);
  const child = channelRegistry(pair.child, { onError });
  return { a: child, b: parent, [Symbol.asyncDispose]: () => closeAll(child, parent) };
});

testRegistry("parent's and child's", async (onError) => {
  const parent = localRegistry({ onError });
  const pair = channelPair();
  parent.attach(pair.parent);
  const child = channelRegistry(pair.child, { onError });
  return { a: parent, b: child, [Symbol.asyncDispose]: () => closeAll(child, parent) };
});

testRegistry("children's", async (onError) => {
  const parent = localRegistry({ onError });
  const pairs = [channelPair(), channelPair()] as const;
  for (const pair of pairs) parent.attach(pair.parent);
  const a = channelRegistry(pairs[0].child, { onError });
  const b = channelRegistry(pairs[1].child, { onError });
  return { a, b, [Symbol.asyncDispose]: () => closeAll(a, b, parent) };
});

async function closeAll(...parts: AsyncDisposable[]): Promise<void> {
  for (const part of parts) await part[Symbol.asyncDispose]();
}

test("all that a child process announced have left as soon as it is killed", async () => {
  await using registry = localRegistry();
  const seen = log();
  await using _ = await registry.watch(seen);
  const child = await startChild(new URL("./child.ts", import.meta.url).href, ["s1", "s2"]);
  registry.attach(child.channel);
  await seen.told("joined s2 weight=1");
  child.kill("SIGKILL");
  await child.exited;
  await seen.told("left s2 goodbye");
  assertEquals(seen.lines.slice(2), ["left s1 goodbye", "left s2 goodbye"]);
});

test("a child whose parent is gone rejects what was under way and what comes after", async () => {
  const pair = channelPair();
  await using registry = channelRegistry(pair.child);
  const underWay = [registry.announce(server("s1")), registry.watch(log())];
  pair.break();
  for (const one of underWay) await assertRejects(() => one, RegistryError);
  await assertRejects(() => registry.announce(server("s2")), RegistryError);
});

test("a child that breaks does not take with it what another one announces by the same id", async () => {
  await using registry = localRegistry();
  const seen = log();
  await using _ = await registry.watch(seen);
  const pairs = [channelPair(), channelPair()] as const;
  for (const pair of pairs) registry.attach(pair.parent);
  await channelRegistry(pairs[0].child).announce(server("s1"));
  await channelRegistry(pairs[1].child).announce(server("s1", { weight: 2 }));
  pairs[0].break();
  await pairs[0].parent.closed;
  assertEquals(seen.lines, ["joined s1 weight=1", "changed s1 weight=2"]);
});
