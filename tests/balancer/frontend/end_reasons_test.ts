import { Buffer } from "node:buffer";
import { assert, assertEquals } from "@std/assert";
import { ManualClock } from "../../../src/async/mod.ts";
import type { EndReason, RefusalReason } from "../../../src/balancer/end_reason.ts";
import { endReasonOf } from "../../../src/balancer/frontend/spliced_client.ts";
import { type Address, type Driver, memoryNetwork, NetError } from "../../../src/net/mod.ts";
import { Recorder } from "../../net/recording.ts";
import { test } from "../../testing.ts";
import { poolAt, until } from "./frontends.ts";
import { frontendFor, Keeper, type TestFrontend } from "./listening.ts";

const LISTEN: Address = { host: "10.0.0.2", port: 80 };
const BACKEND: Address = { host: "10.0.0.1", port: 7000 };

/** A server behind a frontend, all in memory, with a clock that stands still. */
async function standing() {
  const stack = new AsyncDisposableStack();
  const clock = new ManualClock();
  const network = memoryNetwork();
  const { driver } = network;
  const keeper = stack.use(await Keeper.start(driver, BACKEND));
  const pool = poolAt([BACKEND]);
  const settings = { timeouts: { idleMs: 60_000, halfCloseMs: 1000 } };
  const world = stack.use(await frontendFor(pool, { driver, listen: LISTEN, clock, settings }));
  return {
    ...world,
    clock,
    network,
    driver,
    keeper,
    pool,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

async function connect(driver: Driver) {
  const recorder = new Recorder();
  recorder.onEnd = (connection) => connection.end();
  return { recorder, connection: await driver.connect(LISTEN, recorder) };
}

type Standing = Awaited<ReturnType<typeof standing>>;

/** A client that is served. */
async function served(world: Standing) {
  const client = await connect(world.driver);
  client.connection.write(Buffer.from("12345"));
  await until("the server", () => world.keeper.sides.at(-1)?.recorder.bytes === 5);
  const server = world.keeper.sides.at(-1);
  const [entry] = world.table.list({});
  assert(server && entry);
  return { client, server, entry };
}

async function allOver({
  frontend,
  told,
  table,
  pool,
}: TestFrontend & Pick<Standing, "pool">): Promise<EndReason[]> {
  await until("the end of all clients", () => frontend.connections === 0);
  const [backend] = pool.backends();
  assert(backend);
  const counted = Object.entries(backend.counters.ended).flatMap(([reason, count]) =>
    new Array<string>(count).fill(reason),
  );
  assertEquals(counted, [...told.reasons]);
  assertEquals([table.size, backend.active, frontend.counters.refusedTotal], [0, 0, 0]);
  return told.reasons;
}

test("every way in which a served client ends has its reason, told once and counted once on its backend", async () => {
  type Ending = (world: Standing, parts: Awaited<ReturnType<typeof served>>) => void;
  const endings: Partial<Record<EndReason, Ending>> = {
    finished: (_, { client }) => client.connection.end(),
    client_reset: (_, { client }) => client.connection.abort(),
    backend_reset: (_, { server }) => server.connection.abort(),
    idle_timeout: ({ clock }) => clock.advance(60_100),
    half_close_timeout({ clock }, { client, server }) {
      server.recorder.onEnd = () => clock.advance(1100);
      client.connection.end();
    },
    operator: (_, { entry }) => entry.end("operator"),
    drained: (_, { entry }) => entry.end("drained"),
  };
  for (const [reason, end] of Object.entries(endings)) {
    await using world = await standing();
    const parts = await served(world);
    end(world, parts);
    assertEquals(await allOver(world), [reason]);
    await parts.client.recorder.closed;
  }
});

test("close() ends who is served as shutdown once the grace is over", async () => {
  await using world = await standing();
  const { client } = await served(world);
  const closing = world.frontend.close(500);
  await until("the grace to begin", () => world.clock.pending === 2);
  world.clock.advance(500);
  await closing;
  await client.recorder.closed;
  assertEquals(await allOver(world), ["shutdown"]);
  assertEquals(world.clock.pending, 0);
});

test("the bytes of a client are counted both ways, those that were read before the splice too", async () => {
  await using world = await standing();
  const { client, server, entry } = await served(world);
  assertEquals([entry.traffic.bytesIn, entry.traffic.bytesOut], [5, 0]);
  server.connection.write(Buffer.from("123"));
  await client.recorder.received(3);
  client.connection.end();
  await client.recorder.closed;
  await allOver(world);
  const [backend] = world.pool.backends();
  assertEquals([backend?.counters.bytesIn, backend?.counters.bytesOut], [5, 3]);
  assertEquals(
    [backend?.counters.connectSeconds.snapshot().count, backend?.counters.sessionSeconds.snapshot().count],
    [1, 1],
  );
});

test("an entry that is closed by an operator delivers what was under way before it closes", async () => {
  await using world = await standing();
  const { client, server, entry } = await served(world);
  server.connection.write(Buffer.alloc(50_000));
  await until("the bytes", () => entry.traffic.bytesOut === 50_000);
  client.connection.pause();
  entry.end("operator");
  client.connection.resume();
  await client.recorder.closed;
  assertEquals(client.recorder.bytes, 50_000);
  assertEquals(await allOver(world), ["operator"]);
});

test("a client that is refused is told once, with its reason, whatever the reason", async () => {
  const { driver } = memoryNetwork();
  const full = poolAt([BACKEND], "round-robin", [{ maxConnections: 1 }]);
  full.configure({ queue: { limit: 0 } });
  full.acquire({ host: "x" });
  const draining = poolAt([BACKEND]);
  draining.drain();
  const pools: Partial<Record<RefusalReason, typeof full>> = {
    no_backend: poolAt([]),
    connect_failed: poolAt([BACKEND]),
    queue_full: full,
    draining,
  };
  for (const [reason, pool] of Object.entries(pools)) {
    await using world = await frontendFor(pool, { driver, listen: LISTEN });
    const { recorder } = await connect(driver);
    await recorder.closed;
    await until("the end of the client", () => world.frontend.connections === 0);
    assertEquals(
      world.told.lines.filter((line) => line.startsWith("refused")),
      [`refused 10.0.0.2 ${reason}`],
    );
    assertEquals(world.frontend.counters.refusedTotal, 1);
  }
});

test("a client waits while all backends are full and is served when one has left, or refused as queue_timeout", async () => {
  const clock = new ManualClock();
  const { driver } = memoryNetwork();
  await using keeper = await Keeper.start(driver, BACKEND);
  const pool = poolAt([BACKEND], "round-robin", [{ maxConnections: 1 }], clock);
  await using world = await frontendFor(pool, { driver, listen: LISTEN, clock });
  const first = await connect(driver);
  await until("the first", () => world.table.size === 1);
  const second = await connect(driver);
  const third = await connect(driver);
  await until("both to wait", () => pool.queued === 2);
  first.connection.end();
  await until("the second to be served", () => keeper.sides.length === 2);
  clock.advance(5000);
  await third.recorder.closed;
  assertEquals(world.told.lines, ["refused 10.0.0.2 queue_timeout"]);
  second.connection.end();
  await second.recorder.closed;
  await first.recorder.closed;
});

test("a client that leaves while it waits frees its place in the queue at once", async () => {
  const { driver } = memoryNetwork();
  const pool = poolAt([BACKEND], "round-robin", [{ maxConnections: 1 }]);
  using _held = pool.acquire({ host: "x" });
  await using world = await frontendFor(pool, { driver, listen: LISTEN });
  const { connection, recorder } = await connect(driver);
  await until("the wait", () => pool.queued === 1);
  connection.abort();
  await until("the end of the client", () => world.frontend.connections === 0);
  await recorder.closed;
  assertEquals([world.told.lines, pool.queued], [["refused 10.0.0.2 client_left"], 0]);
});

test("a dial that fails for want of descriptors is refused as that at once, and no backend is blamed", async () => {
  const network = memoryNetwork();
  const driver: Driver = {
    ...network.driver,
    connect: () => Promise.reject(new NetError("descriptors", "Cannot connect: descriptors")),
  };
  const pool = poolAt([BACKEND, { host: "10.0.0.1", port: 7001 }]);
  await using world = await frontendFor(pool, { driver, listen: LISTEN });
  const recorder = new Recorder();
  await network.driver.connect(LISTEN, recorder);
  await recorder.closed;
  await until("the end of the client", () => world.frontend.connections === 0);
  assertEquals(world.told.lines, ["refused 10.0.0.2 descriptors"]);
  assertEquals(
    Array.from(pool.backends(), (backend) => [backend.state(), backend.active]),
    [
      ["up", 0],
      ["up", 0],
    ],
  );
});

test("drain() stops accepting and leaves who is served alone", async () => {
  await using world = await standing();
  const { client, server } = await served(world);
  await world.frontend.drain();
  assertEquals([world.frontend.isDraining, world.frontend.connections], [true, 1]);
  server.connection.write(Buffer.from("still here"));
  await client.recorder.received(10);
  client.connection.end();
  await client.recorder.closed;
  assertEquals(await allOver(world), ["finished"]);
});

test("a side of a splice that resets is named, and what nobody asked for has failed", () => {
  const error = new NetError("reset", "Cannot go on: reset");
  assertEquals(endReasonOf({ reason: "reset", side: "a", error }), "client_reset");
  assertEquals(endReasonOf({ reason: "reset", side: "b", error }), "backend_reset");
  for (const reason of ["closed", "aborted", "failed"] as const)
    assertEquals(endReasonOf({ reason, side: "a", error: undefined }), "failed");
});

test("a side of a splice whose system answers no more is named", () => {
  const error = new NetError("timeout", "Cannot go on: timeout");
  assertEquals(endReasonOf({ reason: "reset", side: "a", error }), "client_lost");
  assertEquals(endReasonOf({ reason: "reset", side: "b", error }), "backend_lost");
});
