import { Buffer } from "node:buffer";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { ManualClock } from "../../../src/async/mod.ts";
import type { Frontend, FrontendHandler } from "../../../src/balancer/frontend/frontend.ts";
import {
  type HandOverFrontendOptions,
  startHandOverFrontend,
} from "../../../src/balancer/frontend/hand_over_frontend.ts";
import type { Backend } from "../../../src/balancer/pool/backend.ts";
import type { Pool } from "../../../src/balancer/pool/pool.ts";
import { NetError } from "../../../src/net/mod.ts";
import { type Child, type HandOver, handOver, startChild } from "../../../src/server/mod.ts";
import { Signal } from "../../helpers.ts";
import { LOOPBACK } from "../../net/recording.ts";
import { test } from "../../testing.ts";
import { poolAt, record, refused, until, type Visitor, visit } from "./frontends.ts";
import { listOf } from "./listening.ts";

const TAKER = new URL("../../server/taker_child.ts", import.meta.url).href;

interface Process {
  readonly child: Child;
  readonly link: HandOver;
}

async function startTaker(): Promise<Process> {
  const child = await startChild(TAKER, []);
  const isReady = new Signal<unknown>();
  child.channel.on("ready", isReady.fire);
  await isReady.wait("the child");
  return { child, link: handOver(child.channel) };
}

/** A pool of `count` child processes behind a frontend. */
async function family(count: number, options: Pick<HandOverFrontendOptions, "clock" | "handler"> = {}) {
  const stack = new AsyncDisposableStack();
  const children = await Promise.all(Array.from({ length: count }, startTaker));
  stack.defer(async () => {
    for (const { child } of children) child.kill("SIGKILL");
    await Promise.all(children.map(({ child }) => child.exited));
  });
  const pool = poolAt(children.map((_, index) => ({ host: "10.0.0.1", port: index + 1 })));
  const processOf = ({ address }: Backend) => children[("port" in address ? address.port : 0) - 1]?.link;
  const frontend = stack.use(await startHandOverFrontend({ listen: LOOPBACK, pool, processOf, ...options }));
  return {
    children: children.map(({ child }) => child),
    links: children.map(({ link }) => link),
    pool,
    frontend,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Starts a frontend whose backends have no process. */
function orphaned(pool: Pool, handler: FrontendHandler): Promise<Frontend> {
  return startHandOverFrontend({ listen: LOOPBACK, pool, processOf: () => undefined, handler });
}

/** Clients who say their number. */
function visitors(frontend: Frontend, count: number): Promise<Visitor[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const visitor = await visit(frontend);
      visitor.connection.write(Buffer.from(`${index}`));
      return visitor;
    }),
  );
}

async function allAnswered(guests: readonly Visitor[]): Promise<void> {
  for (const [index, { recorder }] of guests.entries()) {
    await recorder.received(`taken: ${index}`.length);
    assertEquals(recorder.text, `taken: ${index}`);
  }
}

function activeOf(pool: Pool): number[] {
  return Array.from(pool.backends(), ({ active }) => active);
}

test("30 clients are handed to three child processes, 10 to each, and uncounted when they leave", async () => {
  await using world = await family(3);
  const guests = await visitors(world.frontend, 30);
  await allAnswered(guests);
  assertEquals(activeOf(world.pool), [10, 10, 10]);
  assertEquals(
    world.links.map(({ connections }) => connections),
    [10, 10, 10],
  );
  assertEquals(world.frontend.connections, 30);
  for (const { connection } of guests) connection.end();
  for (const { recorder } of guests) assertEquals((await recorder.closed).reason, "finished");
  await until("the end of all clients", () => world.frontend.connections === 0);
  assertEquals(
    [world.frontend.counters.total, world.frontend.counters.refusedTotal, activeOf(world.pool)],
    [30, 0, [0, 0, 0]],
  );
});

test("what a killed child had not taken is served by another one, and the killed one is reported and blamed", async () => {
  const handler = record();
  await using world = await family(2, { handler });
  const [frozen] = world.children;
  frozen?.kill("SIGSTOP");
  const guests = await visitors(world.frontend, 10);
  await until("the clients to be handed over", () => world.frontend.connections === 10);
  assertEquals(activeOf(world.pool), [5, 5]);
  frozen?.kill("SIGKILL");
  await allAnswered(guests);
  assertEquals([activeOf(world.pool), world.frontend.connections], [[0, 10], 10]);
  assertEquals(handler.lines, new Array(5).fill("failed 10.0.0.1:1 closed"));
  const [blamed] = world.pool.backends();
  assertEquals(blamed?.state(), "suspect");
  for (const { connection } of guests) connection.abort();
  await until("the end of all clients", () => world.frontend.connections === 0);
  assertEquals([world.frontend.counters.refusedTotal, activeOf(world.pool)], [0, [0, 0]]);
});

test("the clients that a killed child had taken are ended and uncounted, the others stay", async () => {
  await using world = await family(2);
  const guests = await visitors(world.frontend, 4);
  await allAnswered(guests);
  world.children[0]?.kill("SIGKILL");
  await until("the end of its clients", () => world.frontend.connections === 2);
  assertEquals([activeOf(world.pool), world.frontend.counters.refusedTotal], [[0, 2], 0]);
  const gone = guests.filter(
    ({ recorder }) => recorder.events.includes("close") || recorder.events.includes("end"),
  );
  await Promise.all(gone.map(({ recorder }) => recorder.gone));
  for (const { connection } of guests) connection.abort();
  await until("the end of all clients", () => world.frontend.connections === 0);
});

test("a client who leaves before the child has taken it is uncounted, and nobody is blamed", async () => {
  const handler = record();
  await using world = await family(1, { handler });
  world.children[0]?.kill("SIGSTOP");
  const [guest] = await visitors(world.frontend, 1);
  await until("the client to be handed over", () => world.frontend.connections === 1);
  guest?.connection.abort();
  world.children[0]?.kill("SIGCONT");
  await until("the end of the client", () => world.frontend.connections === 0);
  assertEquals([activeOf(world.pool), handler.lines], [[0], []]);
});

test("a client that is reset since its process hangs counts as failed, and not as one that was connected", async () => {
  const handler = record();
  await using world = await family(1, { handler });
  world.children[0]?.kill("SIGSTOP");
  const guests = await visitors(world.frontend, 1);
  await until("the client to be handed over", () => world.frontend.connections === 1);
  world.links[0]?.resetUntaken();
  const [backend] = world.pool.backends();
  assertEquals([backend?.active, backend?.counters.connectFailures, world.frontend.connections], [0, 1, 0]);
  assertEquals(handler.lines, ["failed 10.0.0.1:1 closed"]);
  for (const { connection } of guests) connection.abort();
});

test("a client is closed as connect_failed where no process is left, and as no_backend where none may take it", async () => {
  const handler = record();
  const [empty, gone] = [poolAt([]), poolAt([1, 2, 3, 4].map((port) => ({ host: "10.0.0.1", port })))];
  for (const pool of [empty, gone]) {
    await using frontend = await orphaned(pool, handler);
    await refused(frontend);
    await until("the end of the client", () => frontend.connections === 0);
    assertEquals([frontend.counters.total, frontend.counters.refusedTotal], [1, 1]);
  }
  assertEquals(handler.lines, [
    "refused 127.0.0.1 no_backend",
    ...[1, 2, 3].map((port) => `failed 10.0.0.1:${port} closed`),
    "refused 127.0.0.1 connect_failed",
  ]);
  assertEquals(activeOf(gone), [0, 0, 0, 0]);
});

test("a hand-over frontend refuses who may not come, and counts the clients of an address until they leave", async () => {
  const handler = record();
  await using world = await family(1, { handler });
  world.frontend.configure({ maxConnectionsPerClient: 1, deny: listOf("127.0.0.9") });
  const [guest] = await visitors(world.frontend, 1);
  await guest?.recorder.received("taken: 0".length);
  await refused(world.frontend);
  await refused(world.frontend, undefined, "127.0.0.9");
  assertEquals(handler.lines, ["refused 127.0.0.1 client_full", "refused 127.0.0.9 denied"]);
  guest?.connection.end();
  await until("the end of the client", () => world.frontend.connections === 0);
  const again = await visitors(world.frontend, 1);
  await allAnswered(again);
  for (const { connection } of again) connection.abort();
  await until("the end of all clients", () => world.frontend.connections === 0);
  assertEquals(world.frontend.counters.refusedTotal, 2);
});

test("a client for whom all processes are full waits, and is handed over when somebody has left", async () => {
  const handler = record();
  await using world = await family(1, { handler });
  for (const { name } of world.pool.backends()) world.pool.change(name, { maxConnections: 1 });
  const [first] = await visitors(world.frontend, 1);
  await first?.recorder.received("taken: 0".length);
  const [second] = await visitors(world.frontend, 1);
  await until("the wait", () => world.pool.queued === 1);
  first?.connection.end();
  await second?.recorder.received("taken: 0".length);
  second?.connection.end();
  await until("the end of all clients", () => world.frontend.connections === 0);
  assertEquals([handler.lines, activeOf(world.pool)], [[], [0]]);
});

test("close() refuses as draining who waits for a process when the grace is over", async () => {
  const clock = new ManualClock();
  const handler = record();
  await using world = await family(1, { clock, handler });
  for (const { name } of world.pool.backends()) world.pool.change(name, { maxConnections: 1 });
  const guests = await visitors(world.frontend, 1);
  await allAnswered(guests);
  const [waiting] = await visitors(world.frontend, 1);
  await until("the wait", () => world.pool.queued === 1);
  const closing = world.frontend.close(5000);
  await until("the grace to begin", () => clock.pending === 1);
  clock.advance(5000);
  await closing;
  await waiting?.recorder.gone;
  assertEquals(handler.lines, ["refused 127.0.0.1 draining"]);
  for (const { connection } of [...guests, ...(waiting ? [waiting] : [])]) connection.abort();
  await until("the end of all clients", () => world.frontend.connections === 0);
});

test("close() stops accepting and waits for the clients, whom the children drain, until the last has left", async () => {
  const clock = new ManualClock();
  await using world = await family(1, { clock });
  const guests = await visitors(world.frontend, 2);
  await allAnswered(guests);
  const closing = world.frontend.close(60_000);
  assertEquals(world.frontend.close(), closing);
  const late = async () => {
    while (true) (await visit(world.frontend)).connection.abort();
  };
  assertEquals((await assertRejects(late, NetError)).code, "refused");
  for (const { connection } of guests) connection.end();
  await closing;
  assertEquals([world.frontend.connections, clock.pending], [0, 0]);
});

test("close() waits no longer than the grace, and leaves the clients to their children", async () => {
  const clock = new ManualClock();
  await using world = await family(1, { clock });
  const guests = await visitors(world.frontend, 1);
  await allAnswered(guests);
  const closing = world.frontend.close(5000);
  await until("the grace to begin", () => clock.pending === 1);
  clock.advance(5000);
  await closing;
  const [guest] = guests;
  assert(guest);
  assertEquals(world.frontend.connections, 1);
  guest.connection.write(Buffer.from("!"));
  await guest.recorder.received("taken: 0taken: !".length);
  guest.connection.abort();
  await until("the end of the client", () => world.frontend.connections === 0);
});

test("a hand-over frontend on a port in use rejects with in_use", async () => {
  const pool = poolAt([]);
  await using first = await orphaned(pool, record());
  const again = () => startHandOverFrontend({ listen: first.address, pool, processOf: () => undefined });
  assertEquals((await assertRejects(again, NetError)).code, "in_use");
});
