import { Buffer } from "node:buffer";
import { assert, assertEquals } from "@std/assert";
import { ManualClock } from "../../../src/async/mod.ts";
import { ConnectionTable } from "../../../src/balancer/connection/table.ts";
import { startUdpFrontend } from "../../../src/balancer/frontend/udp_frontend.ts";
import { UdpService } from "../../../src/balancer/frontend/udp_service.ts";
import { MAX_WAITING } from "../../../src/balancer/frontend/udp_session.ts";
import { AddressList, bindDatagram, type TcpAddress } from "../../../src/net/mod.ts";
import { RUNTIME, test } from "../../testing.ts";
import { at, miss } from "../pool/pools.ts";
import { Asker, Datagrams, Echo, HERE } from "./datagrams.ts";
import { poolAt, record, until } from "./frontends.ts";

/** The list of those entries. */
function listOf(...entries: string[]): AddressList {
  const list = AddressList.parse(entries);
  assert(list instanceof AddressList, String(list));
  return list;
}

/** An address on which nobody listens. */
async function deadAddress(): Promise<TcpAddress> {
  await using echo = await Echo.start("dead");
  return echo.address;
}

test("clients who are denied, or are too many in all or from one address, are refused, counted and told of", async () => {
  const handler = record();
  await using world = await Datagrams.start(1, {
    handler,
    settings: { access: { maxConnectionsPerClient: 1 } },
  });
  const { frontend } = world;
  const [first, second] = [await world.client(), await world.client()];
  await first.ask("1");
  second.send("1");
  await until("the second to be refused", () => frontend.counters.refusedTotal === 1);
  frontend.configure({ maxSessions: 1 });
  second.send("2");
  await until("the second to be refused", () => frontend.counters.refusedTotal === 2);
  frontend.configure({ access: { deny: listOf("127.0.0.0/8") } });
  second.send("3");
  await until("the second to be refused", () => frontend.counters.refusedTotal === 3);
  assertEquals(
    handler.lines,
    ["client_full", "frontend_full", "denied"].map((reason) => `refused 127.0.0.1 ${reason}`),
  );
  assertEquals(await first.ask("2"), "a:2");
  frontend.configure({ access: { allow: listOf("127.0.0.1") } });
  assertEquals([await second.ask("4"), world.active], ["a:4", [2]]);
});

test("a place is free again when a session is over", async () => {
  await using world = await Datagrams.start(1, {
    settings: { maxSessions: 1, access: { maxConnectionsPerClient: 1 } },
  });
  const [first, second] = [await world.client(), await world.client()];
  await first.ask("1");
  world.table.list({})[0]?.end("operator");
  assertEquals(await second.ask("2"), "a:2");
});

test("every refused datagram is counted, and the handler hears of ten a second at most", async () => {
  const clock = new ManualClock();
  const handler = record();
  const settings = { access: { deny: listOf("127.0.0.1") } };
  await using world = await Datagrams.start(1, { table: new ConnectionTable(clock), handler, settings });
  const client = await world.client();
  for (let i = 1; i <= 30; i++) {
    client.send(`${i}`);
    await until("it to be refused", () => world.frontend.counters.refused.denied === i);
  }
  assertEquals(handler.lines.length, 10);
  clock.advance(1000);
  client.send("more");
  await until("it to be refused", () => world.frontend.counters.refused.denied === 31);
  assertEquals([handler.lines.length, world.frontend.counters.total], [11, 31]);
});

test("16 datagrams wait while the socket to the backend opens, and arrive; the rest is dropped and counted", async () => {
  await using echo = await Echo.start("a");
  using pool = poolAt([echo.address]);
  const socket = await bindDatagram(HERE, { message: () => undefined });
  const parts = { name: "main", nodeId: "n", table: new ConnectionTable(), handler: undefined, socket };
  const service = new UdpService(parts, {}, pool);
  await using client = await Echo.start("client");
  // All in one turn: the socket cannot have opened before its end.
  for (let i = 0; i < MAX_WAITING + 4; i++) service.receive(Buffer.from(`${i}`), client.address);
  assertEquals([service.droppedDatagrams, service.size], [4, 1]);
  await until("all that waited to arrive", () => echo.received.length === MAX_WAITING);
  const arrived = echo.received.map(String);
  // Deno sends the datagrams of one turn in the reverse of their order.
  if (RUNTIME === "deno") arrived.sort((one, other) => Number(one) - Number(other));
  assertEquals(
    arrived,
    Array.from({ length: MAX_WAITING }, (_, index) => `${index}`),
  );
  await service.close(0);
});

test("a session that is ended while its socket opens gives all back and sends nothing", async () => {
  await using echo = await Echo.start("a");
  using pool = poolAt([echo.address]);
  const socket = await bindDatagram(HERE, { message: () => undefined });
  const table = new ConnectionTable();
  const service = new UdpService({ name: "main", nodeId: "n", table, handler: undefined, socket }, {}, pool);
  service.receive(Buffer.from("hello"), HERE);
  await service.close(0);
  assertEquals([at(pool, `127.0.0.1:${echo.address.port}`).active, table.size], [0, 0]);
  assertEquals([echo.received.length, service.reception.counters.refused.draining], [0, 1]);
});

test("a session whose backend goes down gets another one with its next datagram", async () => {
  const handler = record();
  await using world = await Datagrams.start(2, { handler });
  const client = await world.client();
  assertEquals(await client.ask("1"), "a:1");
  miss(world.pool, at(world.pool, "a"));
  assertEquals(await client.ask("2"), "b:2");
  assertEquals([world.active, handler.reasons, world.frontend.counters.total], [[0, 1], ["backend_down"], 1]);
  miss(world.pool, at(world.pool, "b"));
  client.send("3");
  await until("it to be refused", () => world.frontend.counters.refused.no_backend === 1);
  assertEquals([world.active, world.frontend.connections, world.table.size], [[0, 0], 0, 0]);
  assertEquals(handler.reasons, ["backend_down", "backend_down"]);
});

test("backends that are drained, disabled or removed keep their sessions and get no new ones", async () => {
  await using world = await Datagrams.start(4);
  const clients = await Promise.all(Array.from({ length: 4 }, () => world.client()));
  for (const [index, client] of clients.entries()) assertEquals(await client.ask("1"), `${"abcd"[index]}:1`);
  world.pool.change("a", { admin: "draining" });
  world.pool.change("b", { admin: "disabled" });
  world.pool.remove("c");
  for (const [index, client] of clients.entries()) assertEquals(await client.ask("2"), `${"abcd"[index]}:2`);
  for (let i = 0; i < 3; i++) assertEquals(await (await world.client()).ask("3"), "d:3");
});

test("a datagram is refused where no backend may take it, and as draining where the pool drains", async () => {
  await using world = await Datagrams.start(1);
  const { pool, frontend } = world;
  const client = await world.client();
  pool.change("a", { maxConnections: 1 });
  await (await world.client()).ask("1");
  client.send("1");
  await until("it to be refused", () => frontend.counters.refused.no_backend === 1);
  pool.drain();
  client.send("2");
  await until("it to be refused", () => frontend.counters.refused.draining === 1);
  assertEquals([frontend.connections, world.active], [1, [1]]);
});

const untold = RUNTIME === "deno" ? "Deno does not tell that a datagram was refused" : undefined;

test("a backend whose machine refuses datagrams is blamed, and the next datagram goes to another one", {
  skip: untold,
}, async () => {
  const handler = record();
  await using echo = await Echo.start("b");
  using pool = poolAt([await deadAddress(), echo.address], "round-robin", [{ name: "dead" }, { name: "b" }]);
  const table = new ConnectionTable();
  await using frontend = await startUdpFrontend({ listen: HERE, pool, table, handler });
  await using client = await Asker.connect(frontend.address);
  client.send("1");
  await until("the refusal to be noticed", () => handler.lines.length === 1);
  assertEquals([handler.lines, handler.reasons], [["failed dead refused"], ["backend_reset"]]);
  assertEquals(await client.ask("2"), "b:2");
  const dead = at(pool, "dead");
  assertEquals([dead.active, dead.counters.connectFailures, dead.state()], [0, 1, "suspect"]);
  assertEquals([frontend.counters.total, frontend.connections, table.size], [1, 1, 1]);
});

test("the only backend is tried again with every datagram, and serves when it is there", {
  skip: untold,
}, async () => {
  const handler = record();
  const address = await deadAddress();
  using pool = poolAt([address], "round-robin", [{ name: "a" }]);
  await using frontend = await startUdpFrontend({
    listen: HERE,
    pool,
    table: new ConnectionTable(),
    handler,
  });
  await using client = await Asker.connect(frontend.address);
  for (let i = 1; i <= 2; i++) {
    client.send(`${i}`);
    await until("the refusal to be noticed", () => handler.lines.length === i);
  }
  await using echo = await Echo.start("a", address);
  assertEquals([await client.ask("3"), echo.name], ["a:3", "a"]);
  assertEquals(frontend.counters.total, 1);
});

test("a backend that has no UDP address is blamed, and the client refused when there is no other", async () => {
  const handler = record();
  using pool = poolAt([{ path: "/run/none.sock" }], "round-robin", [{ name: "a" }]);
  await using frontend = await startUdpFrontend({
    listen: HERE,
    pool,
    table: new ConnectionTable(),
    handler,
  });
  await using client = await Asker.connect(frontend.address);
  client.send("1");
  await until("it to be refused", () => frontend.counters.refused.connect_failed === 1);
  assertEquals(handler.lines, ["failed a unsupported", "refused 127.0.0.1 connect_failed"]);
  assertEquals([frontend.connections, at(pool, "a").active], [0, 0]);
});

test("the time of a session that is configured while it runs holds from then on", async () => {
  const clock = new ManualClock();
  await using world = await Datagrams.start(1, { table: new ConnectionTable(clock) });
  const client = await world.client();
  await client.ask("1");
  world.frontend.configure({ sessionTimeoutMs: 1000 });
  clock.advance(1100);
  assertEquals([world.frontend.connections, clock.pending], [0, 0]);
});
