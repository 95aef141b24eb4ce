import { Buffer } from "node:buffer";
import { assertEquals } from "@std/assert";
import { ManualClock, wait } from "../../src/async/mod.ts";
import { systemDriver } from "../../src/net/mod.ts";
import { eventually, RawClient, Signal } from "../helpers.ts";
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

test("a server that closes waits 3 s at most for clients that do not close their side", async () => {
  await using cluster = await start();
  const { server, clock } = cluster;
  const heard = new Signal<void>();
  const client = await systemDriver().connect(cluster.at(0), {
    data: () => heard.fire(),
    end: () => undefined,
    close: () => undefined,
  });
  client.write(Buffer.from('{"type":"ping"}\n'));
  await heard.wait("an answer");
  const ends: string[] = [];
  const closed = server.close(1000).then(() => void ends.push("the server"));
  await eventually("the drain", async () => server.draining !== undefined);
  clock.advance(3999);
  await wait(50);
  assertEquals(ends, []);
  clock.advance(1);
  await closed;
  client.abort();
});
