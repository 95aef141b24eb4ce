import { assertEquals } from "@std/assert";
import { ManualClock } from "../../src/async/mod.ts";
import { RawClient } from "../helpers.ts";
import { test } from "../testing.ts";
import { type ChatServers, chatServers } from "./chat_servers.ts";

/** One server, and a clock that stands still. */
async function start(): Promise<
  ChatServers & { readonly clock: ManualClock; readonly server: ChatServers["servers"][0] }
> {
  const clock = new ManualClock();
  const cluster = await chatServers(1, { clock });
  const [server] = cluster.servers;
  if (!server) throw new Error("there is no server");
  return { ...cluster, clock, server };
}

/** What a client was told by `closing`, as reason and time. */
async function closing(client: RawClient): Promise<unknown> {
  const { reason, after } = await client.next("closing");
  return [reason, after];
}

test("a server that is drained tells its clients, takes what they send, and closes at the deadline who is left", async () => {
  await using cluster = await start();
  const { server, clock } = cluster;
  await using ada = await RawClient.login(cluster.at(0), "ada");
  server.drain(4000);
  assertEquals(await closing(ada), ["draining", 4000]);
  assertEquals((await ada.ask({ type: "send", to: "ada", text: "one more" })).type, "ok");
  assertEquals(server.draining, { total: 1, left: 1, remainingMs: 4000 });
  clock.advance(4000);
  assertEquals(await closing(ada), ["draining", 1]);
  await ada.closed;
  assertEquals(server.draining, { total: 1, left: 0, remainingMs: 0 });
});

test("who logs in on a server that drains is told how long there is, and is closed when there is no time left", async () => {
  await using cluster = await start();
  const { server, clock } = cluster;
  server.drain(4000);
  clock.advance(1000);
  await using early = await RawClient.login(cluster.at(0), "early");
  assertEquals(await closing(early), ["draining", 3000]);
  clock.advance(3000);
  await early.closed;
  await using late = await RawClient.login(cluster.at(0), "late");
  assertEquals(await closing(late), ["draining", 5000]);
  await late.closed;
});

test("a server whose drain is called off keeps who is there and tells nobody who comes", async () => {
  await using cluster = await start();
  const { server, clock } = cluster;
  await using ada = await RawClient.login(cluster.at(0), "ada");
  server.drain(4000);
  await closing(ada);
  server.undrain();
  assertEquals(server.draining, undefined);
  clock.advance(10_000);
  await using bob = await RawClient.login(cluster.at(0), "bob");
  for (const client of [ada, bob]) assertEquals((await client.ask({ type: "ping" })).type, "pong");
  assertEquals(
    bob.frames.filter(({ type }) => type === "closing"),
    [],
  );
});

test("a drain with another deadline takes the place of the first, and a server that closes that of both", async () => {
  await using cluster = await start();
  const { server, clock } = cluster;
  await using ada = await RawClient.login(cluster.at(0), "ada");
  server.drain(2000);
  server.drain(9000);
  assertEquals(
    [await closing(ada), await closing(ada)],
    [
      ["draining", 2000],
      ["draining", 9000],
    ],
  );
  clock.advance(5000);
  assertEquals((await ada.ask({ type: "ping" })).type, "pong");
  const closed = server.close(1000);
  assertEquals(await closing(ada), ["draining", 1000]);
  server.undrain();
  clock.advance(1000);
  await ada.closed;
  await closed;
});

test("a server that drains says so to a balancer, which may go on asking after the deadline", async () => {
  const clock = new ManualClock();
  await using cluster = await chatServers(1, { clock, trusted: ["127.0.0.1"] });
  const [server] = cluster.servers;
  server?.drain(1000);
  clock.advance(1000);
  await using balancer = await RawClient.connect(cluster.at(0));
  assertEquals((await balancer.ask({ type: "ping" })).draining, true);
  server?.undrain();
  assertEquals((await balancer.ask({ type: "ping" })).draining, false);
});
