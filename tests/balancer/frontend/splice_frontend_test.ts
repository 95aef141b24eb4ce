import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { ManualClock } from "../../../src/async/mod.ts";
import { ConnectionTable } from "../../../src/balancer/connection/table.ts";
import { Dialer } from "../../../src/balancer/frontend/dialer.ts";
import {
  type SpliceFrontend,
  type SpliceFrontendOptions,
  startSpliceFrontend,
} from "../../../src/balancer/frontend/splice_frontend.ts";
import type { Pool } from "../../../src/balancer/pool/pool.ts";
import { type Address, formatAddress, memoryNetwork, NetError, systemDriver } from "../../../src/net/mod.ts";
import { hangingListener } from "../../net/hanging.ts";
import { LOOPBACK, Recorder } from "../../net/recording.ts";
import { test } from "../../testing.ts";
import { at, miss } from "../pool/pools.ts";
import {
  deadAddress,
  type Greeter,
  greeted,
  greeter,
  namesFor,
  poolAt,
  record,
  refused,
  tally,
  until,
  visit,
} from "./frontends.ts";

type Options = Omit<SpliceFrontendOptions, "driver" | "listen" | "pool">;

function startFrontend(pool: Pool, options: Options = {}): Promise<SpliceFrontend> {
  return startSpliceFrontend({ driver: systemDriver(), listen: LOOPBACK, pool, ...options });
}

function dialerIn(connectTimeoutMs: number): Dialer {
  return new Dialer({ driver: systemDriver(), connectTimeoutMs, nodeId: "test" });
}

/** Servers that greet with `a`, `b` and so on, behind a frontend. */
async function balanced(policy: Pool["policy"], weights: readonly number[], options: Options = {}) {
  const stack = new AsyncDisposableStack();
  const servers: Greeter[] = [];
  for (const index of weights.keys()) servers.push(stack.use(await greeter("abcdef".charAt(index))));
  const addresses = servers.map(({ address }) => address);
  const pool = poolAt(
    addresses,
    policy,
    weights.map((weight) => ({ weight })),
  );
  const frontend = stack.use(await startFrontend(pool, options));
  return { servers, pool, frontend, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

function activeOf(pool: Pool): number[] {
  return Array.from(pool.backends(), ({ active }) => active);
}

const NOBODY = [undefined];

test("weights 5, 1 and 1 give 70 clients exactly 50, 10 and 10", async () => {
  await using world = await balanced("weighted", [5, 1, 1]);
  const names = await namesFor(world.frontend, new Array(70).fill(undefined));
  assertEquals(tally(names), { a: 50, b: 10, c: 10 });
  assertEquals([world.frontend.counters.total, world.frontend.counters.refusedTotal], [70, 0]);
  await until("the end of the last client", () => world.frontend.connections === 0);
  assertEquals(activeOf(world.pool), [0, 0, 0]);
});

test("ip-hash gives an address the same server each time, and moves only the clients of one that is down", async () => {
  await using world = await balanced("ip-hash", [1, 1, 1]);
  const hosts = Array.from({ length: 30 }, (_, index) => `127.0.0.${index + 2}`);
  const first = await namesFor(world.frontend, hosts);
  assertEquals(Object.keys(tally(first)), ["a", "b", "c"]);
  assertEquals(await namesFor(world.frontend, hosts), first);
  const [down] = world.pool.backends();
  assert(down);
  miss(world.pool, down);
  const without = await namesFor(world.frontend, hosts);
  for (const [index, name] of without.entries())
    assert(first[index] === "a" ? name !== "a" : name === first[index], `${hosts[index]} moved to ${name}`);
  for (let answers = 0; answers < 2; answers++) world.pool.beat(down, "answered");
  assertEquals(await namesFor(world.frontend, hosts), first);
});

test("least-connections gives 300 clients who come at once 100 to each of three", async () => {
  await using world = await balanced("least-connections", [1, 1, 1]);
  const visitors = await Promise.all(Array.from({ length: 300 }, () => greeted(world.frontend)));
  assertEquals(tally(visitors.map(({ name }) => name)), { a: 100, b: 100, c: 100 });
  assertEquals([activeOf(world.pool), world.frontend.connections], [[100, 100, 100], 300]);
  for (const { connection } of visitors) connection.abort();
  await until("the end of all clients", () => world.frontend.connections === 0);
  assertEquals(activeOf(world.pool), [0, 0, 0]);
});

test("backends that refuse are skipped at once, reported and blamed, and the client is served by the third", async () => {
  await using server = await greeter("a");
  const dead = [await deadAddress(), await deadAddress()];
  const pool = poolAt([...dead, server.address]);
  const handler = record();
  await using frontend = await startFrontend(pool, { handler });
  const started = performance.now();
  assertEquals(await namesFor(frontend, NOBODY), ["a"]);
  assert(performance.now() - started < 2000, "refused is to be known at once");
  assertEquals(
    handler.lines,
    dead.map((address) => `failed ${formatAddress(address)} refused`),
  );
  assertEquals(
    dead.map((address) => at(pool, formatAddress(address)).state()),
    ["suspect", "suspect"],
  );
  await until("the end of the client", () => frontend.connections === 0);
  assertEquals([activeOf(pool), frontend.counters.refusedTotal], [[0, 0, 0], 0]);
});

test("a client is closed as connect_failed after three different backends have refused, though there are more", async () => {
  const dead = await Promise.all([1, 2, 3, 4].map(deadAddress));
  // This policy would choose the first one again and again.
  const pool = poolAt(dead, "ip-hash");
  const handler = record();
  await using frontend = await startFrontend(pool, { handler });
  await refused(frontend);
  assertEquals(handler.lines.length, 4);
  assertEquals(new Set(handler.lines).size, 4);
  assertEquals(handler.lines.at(-1), "refused 127.0.0.1 connect_failed");
  await until("the end of the client", () => frontend.connections === 0);
  const { counters } = frontend;
  assertEquals([counters.total, counters.refused.connect_failed, activeOf(pool)], [1, 1, [0, 0, 0, 0]]);
});

test("a client is closed as no_backend when all are down, and when there are none", async () => {
  const handler = record();
  const down = poolAt([await deadAddress()]);
  for (const backend of down.backends()) miss(down, backend);
  for (const pool of [down, poolAt([])]) {
    await using frontend = await startFrontend(pool, { handler });
    await refused(frontend);
    await until("the end of the client", () => frontend.connections === 0);
    assertEquals([frontend.counters.total, frontend.counters.refused.no_backend], [1, 1]);
  }
  assertEquals(handler.lines, ["refused 127.0.0.1 no_backend", "refused 127.0.0.1 no_backend"]);
});

test("a client that leaves while its backend is dialed frees its place at once and blames nobody", async () => {
  const network = memoryNetwork();
  const { driver } = network;
  const address: Address = { host: "10.0.0.1", port: 7000 };
  await using _backend = await driver.listen(address, () => new Recorder());
  network.freeze(address);
  const pool = poolAt([address]);
  const handler = record();
  await using frontend = await startSpliceFrontend({ driver, listen: LOOPBACK, pool, handler });
  const client = await driver.connect(frontend.address, new Recorder());
  await until("the dial", () => activeOf(pool)[0] === 1);
  client.abort();
  await until("the end of the client", () => frontend.connections === 0);
  assertEquals([activeOf(pool), handler.lines], [[0], ["refused 127.0.0.1 client_left"]]);
});

test("a backend that does not answer is left after the connect timeout, also for a client who has left meanwhile", async () => {
  await using hanging = await hangingListener();
  await using server = await greeter("b");
  const pool = poolAt([hanging.address, server.address]);
  const handler = record();
  await using frontend = await startFrontend(pool, { handler, dialer: dialerIn(200) });
  const name = greeted(frontend);
  const left = await visit(frontend);
  left.connection.abort();
  assertEquals((await name).name, "b");
  (await name).connection.abort();
  await until("the end of both clients", () => frontend.connections === 0);
  // Some systems tell that a client has left whose bytes nobody reads; others do not.
  const failed = handler.lines.filter((line) => line.startsWith("failed"));
  assertEquals([activeOf(pool), failed[0]], [[0, 0], `failed ${formatAddress(hanging.address)} timeout`]);
  await until("the end at the server", () => server.clients.size === 0);
});

test("what a client sends before it has ended reaches the server, and the answer reaches the client", async () => {
  await using world = await balanced("round-robin", [1]);
  const { connection, recorder } = await visit(world.frontend);
  connection.write(Buffer.from(" question"));
  connection.end();
  assertEquals((await recorder.closed).reason, "finished");
  assertEquals(recorder.text, "a question");
});

test("8 MB pass both ways unharmed while the client reads nothing at first", async () => {
  await using world = await balanced("round-robin", [1]);
  const { connection, recorder } = await greeted(world.frontend);
  const sent = randomBytes(8_000_000);
  connection.pause();
  connection.write(sent);
  await until("the system's buffers to be full", () => connection.queuedBytes < sent.length);
  assertEquals(recorder.bytes, 1);
  connection.resume();
  await recorder.received(1 + sent.length);
  connection.end();
  await recorder.closed;
  assert(sent.equals(Buffer.concat(recorder.chunks).subarray(1)), "the bytes were changed");
});

test("a server that resets its client resets it through the frontend, and a client its server", async () => {
  await using world = await balanced("round-robin", [1]);
  const first = await greeted(world.frontend);
  for (const client of world.servers[0]?.clients ?? []) client.abort();
  await first.recorder.gone;
  first.connection.abort();
  const second = await greeted(world.frontend);
  second.connection.abort();
  await until("the end of both clients", () => world.frontend.connections === 0);
  await until("the end at the server", () => world.servers[0]?.clients.size === 0);
  assertEquals(activeOf(world.pool), [0]);
});

test("close() stops accepting at once and resolves when the last client has left by itself", async () => {
  const clock = new ManualClock();
  await using world = await balanced("round-robin", [1], { table: new ConnectionTable(clock) });
  const { connection, recorder } = await greeted(world.frontend);
  const closing = world.frontend.close(60_000);
  assertEquals(world.frontend.close(), closing);
  const late = async () => {
    while (true) (await visit(world.frontend)).connection.abort();
  };
  assertEquals((await assertRejects(late, NetError)).code, "refused");
  connection.write(Buffer.from(" still here"));
  await recorder.received(" still here".length + 1);
  assertEquals(world.frontend.connections, 1);
  connection.end();
  await closing;
  assertEquals([world.frontend.connections, (await recorder.closed).reason], [0, "finished"]);
});

test("close() ends the clients who are still there when the grace is over, and their servers' side with them", async () => {
  const clock = new ManualClock();
  await using world = await balanced("round-robin", [1, 1], { table: new ConnectionTable(clock) });
  const visitors = [await greeted(world.frontend), await greeted(world.frontend)];
  const closing = world.frontend.close(5000);
  await until("the grace to begin", () => clock.pending === 2);
  clock.advance(4999);
  assertEquals(world.frontend.connections, 2);
  clock.advance(1);
  await closing;
  for (const { recorder } of visitors) await recorder.gone;
  for (const { connection } of visitors) connection.abort();
  for (const { clients } of world.servers) await until("the end at the server", () => clients.size === 0);
  assertEquals([world.frontend.connections, activeOf(world.pool)], [0, [0, 0]]);
});

test("close() does not wait for a backend that is being dialed longer than the grace", async () => {
  await using hanging = await hangingListener();
  const frontend = await startFrontend(poolAt([hanging.address]), { dialer: dialerIn(60_000) });
  const { recorder, connection } = await visit(frontend);
  await until("the dial", () => frontend.connections === 1);
  await frontend.close(1);
  await recorder.gone;
  connection.abort();
  assertEquals([frontend.connections, frontend.counters.refused.draining], [0, 1]);
});

test("a connection on which nothing passes for the idle timeout is ended on both sides", async () => {
  const clock = new ManualClock();
  await using world = await balanced("round-robin", [1], {
    table: new ConnectionTable(clock),
    settings: { timeouts: { idleMs: 10_000 } },
  });
  const { connection, recorder } = await greeted(world.frontend);
  clock.advance(9999);
  connection.write(Buffer.from("!"));
  await recorder.received(2);
  clock.advance(9999);
  assertEquals(world.frontend.connections, 1);
  clock.advance(10_000);
  await recorder.gone;
  connection.abort();
  await until("the end at the server", () => world.servers[0]?.clients.size === 0);
});

test("a frontend on a port in use rejects with in_use", async () => {
  await using world = await balanced("round-robin", [1]);
  const { address: listen } = world.frontend;
  const start = () => startSpliceFrontend({ driver: systemDriver(), listen, pool: world.pool });
  assertEquals((await assertRejects(start, NetError)).code, "in_use");
});
