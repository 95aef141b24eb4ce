import { assert, assertEquals } from "@std/assert";
import { formatAddress } from "../../../src/net/mod.ts";
import { type FaultProxy, faultProxy } from "../../fault_proxy.ts";
import { RawClient } from "../../helpers.ts";
import { redisServer } from "../../redis_server.ts";
import { test } from "../../testing.ts";
import { chatServers } from "../chat_servers.ts";

/** Before the watchdog of a subscriber that hears nothing makes a new one, in milliseconds. */
const UNHEARD_MS = 8000;

/** Somebody on a server that hears no hint while `proxy` is stalled, and somebody on another one. */
interface World extends AsyncDisposable {
  readonly proxy: FaultProxy;
  readonly ada: RawClient;
  readonly bob: RawClient;
}

async function start(): Promise<World> {
  const stack = new AsyncDisposableStack();
  const redis = stack.use(await redisServer());
  const server = { host: "127.0.0.1", port: redis.port };
  const proxy = stack.use(await faultProxy(server, { mark: "subscribe" }));
  const deaf = stack.use(await chatServers(1, { redis: `redis://${formatAddress(proxy.address)}` }));
  const other = stack.use(await chatServers(1, { redis: redis.url }));
  const ada = stack.use(await RawClient.login(deaf.at(0), "ada"));
  const bob = stack.use(await RawClient.login(other.at(0), "bob"));
  proxy.stall("to_client", { only: "marked" });
  return { proxy, ada, bob, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

async function say(from: RawClient, to: string, text: string): Promise<void> {
  assertEquals((await from.ask({ type: "send", to, text })).type, "ok");
}

function shown({ messages }: RawClient): unknown[] {
  return messages.map(({ inbox, text }) => [inbox, text]);
}

test("what somebody sends comes to themselves with the answer, and not again with its hint", async () => {
  await using world = await start();
  const { proxy, ada, bob } = world;
  const began = performance.now();
  await say(ada, "bob", "1");
  await say(ada, "bob", "2");
  await ada.hasMessages(2);
  assert(performance.now() - began < UNHEARD_MS, "the answers were to bring them");
  proxy.flow();
  await bob.hasMessages(2);
  await say(bob, "ada", "3");
  await ada.hasMessages(3);
  assertEquals(shown(ada), [
    [1, "1"],
    [2, "2"],
    [3, "3"],
  ]);
});

test("what somebody sends does not overtake what came to them before it", async () => {
  await using world = await start();
  const { proxy, ada, bob } = world;
  await say(bob, "ada", "1");
  await say(ada, "bob", "2");
  await bob.hasMessages(2);
  assertEquals(shown(ada), []);
  proxy.flow();
  await ada.hasMessages(2);
  assertEquals(shown(ada), [
    [1, "1"],
    [2, "2"],
  ]);
});
