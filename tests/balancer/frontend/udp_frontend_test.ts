import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ManualClock } from "../../../src/async/mod.ts";
import { ConnectionTable } from "../../../src/balancer/connection/table.ts";
import { startUdpFrontend } from "../../../src/balancer/frontend/udp_frontend.ts";
import { policies } from "../../../src/balancer/policy/policies.ts";
import type { Pool } from "../../../src/balancer/pool/pool.ts";
import { formatAddress, NetError } from "../../../src/net/mod.ts";
import { test } from "../../testing.ts";
import { Asker, Datagrams, Echo, HERE } from "./datagrams.ts";
import { poolAt, record, tally, until } from "./frontends.ts";

for (const policy of Object.keys(policies) as Pool["policy"][]) {
  test(`datagrams of one client go to one backend of a ${policy} pool, and its replies come from the frontend`, async () => {
    await using world = await Datagrams.start(3, { policy });
    const client = await world.client();
    const first = await client.ask("0");
    const name = first.charAt(0);
    assertEquals(first, `${name}:0`);
    for (const text of ["1", "2", "3"]) assertEquals(await client.ask(text), `${name}:${text}`);
    assertEquals(world.echoes.map(({ received }) => received.length).sort(), [0, 0, 4]);
    assertEquals([world.frontend.connections, world.table.size], [1, 1]);
  });
}

test("clients are spread over the backends, each with a socket of its own", async () => {
  await using world = await Datagrams.start(3);
  const clients = await Promise.all(Array.from({ length: 9 }, () => world.client()));
  const answers = await Promise.all(clients.map((client, index) => client.ask(`${index}`)));
  assertEquals(tally(answers.map((answer) => answer.charAt(0))), { a: 3, b: 3, c: 3 });
  assertEquals(
    answers.map((answer) => answer.slice(2)),
    answers.map((_, index) => `${index}`),
  );
  const ports = world.echoes.flatMap(({ senders }) => senders.map(({ port }) => port));
  assertEquals([new Set(ports).size, world.frontend.counters.total, world.active], [9, 9, [3, 3, 3]]);
});

test("datagrams stay whole, from an empty one to the longest, and each arrives once and in order", async () => {
  await using world = await Datagrams.start(1);
  const client = await world.client();
  for (const size of [0, 1, 512, 1472, 9000, 65_000]) {
    const payload = randomBytes(size);
    client.send(payload);
    assertEquals(await client.next(), Buffer.concat([Buffer.from("a:"), payload]), `${size} bytes`);
  }
  for (let i = 0; i < 200; i++) assertEquals(await client.ask(`${i}`), `a:${i}`);
  assertEquals([world.echoes[0]?.received.length, world.frontend.dropped], [206, 0]);
});

test("a backend may speak when it likes, and a client hears all of it", async () => {
  await using world = await Datagrams.start(1);
  const client = await world.client();
  await client.ask("hello");
  const [echo] = world.echoes;
  const [to] = echo?.senders ?? [];
  assert(echo && to);
  for (const text of ["one", "two", "three"]) {
    echo.say(text, to);
    assertEquals((await client.next()).toString(), text);
  }
});

test("a session is in the table as udp, with its client, its bytes and when something last passed", async () => {
  const clock = new ManualClock();
  await using world = await Datagrams.start(1, { table: new ConnectionTable(clock), name: "dns" });
  const client = await world.client();
  await client.ask("hello");
  clock.advance(5000);
  await client.ask("again");
  const [entry] = world.table.list({ frontend: "dns", pool: "default", backend: "a" });
  assert(entry);
  assertEquals(
    [entry.transport, entry.client, entry.openedAt, entry.traffic.activeAt],
    ["udp", formatAddress(client.address), 0, 5000],
  );
  assertEquals([entry.traffic.bytesIn, entry.traffic.bytesOut], [10, 14]);
});

test("a session on which nothing passes in either direction for a minute is over, and the next datagram begins another", async () => {
  const clock = new ManualClock();
  const handler = record();
  await using world = await Datagrams.start(2, { table: new ConnectionTable(clock), handler });
  const [client, other] = [await world.client(), await world.client()];
  await client.ask("1");
  await other.ask("1");
  const [a] = world.echoes;
  assertEquals(clock.pending, 1);
  clock.advance(50_000);
  // What its backend says keeps a session, too.
  a?.say("still here", a.senders[0] ?? HERE);
  await client.next();
  clock.advance(16_000);
  assertEquals([world.frontend.connections, world.active, handler.reasons], [1, [1, 0], ["idle_timeout"]]);
  clock.advance(60_000);
  assertEquals([world.table.size, world.active, clock.pending], [0, [0, 0], 0]);
  assertEquals(await client.ask("2"), "a:2");
  assertEquals(world.frontend.counters.total, 3);
  const counted = [...world.pool.backends()].map(({ counters }) => [
    counters.ended.idle_timeout,
    counters.bytesIn,
    counters.bytesOut,
  ]);
  assertEquals(counted, [
    [1, 1, 13],
    [1, 1, 3],
  ]);
});

test("a session that is ended by an operator is over, and the client's next datagram begins another", async () => {
  const handler = record();
  await using world = await Datagrams.start(2, { handler });
  const client = await world.client();
  assertEquals(await client.ask("1"), "a:1");
  world.table.list({})[0]?.end("operator");
  assertEquals([world.table.size, world.frontend.connections, world.active], [0, 0, [0, 0]]);
  assertEquals(await client.ask("2"), "b:2");
  assertEquals([handler.reasons, world.frontend.counters.total], [["operator"], 2]);
});

test("drain() takes no new sessions, lets the others go on, and resolves when the last has ended", async () => {
  const clock = new ManualClock();
  const handler = record();
  await using world = await Datagrams.start(1, { table: new ConnectionTable(clock), handler });
  const [client, late] = [await world.client(), await world.client()];
  await client.ask("1");
  let isDrained = false;
  const drained = world.frontend.drain().then(() => {
    isDrained = true;
  });
  late.send("me too");
  assertEquals(await client.ask("2"), "a:2");
  await until("the late client to be refused", () => world.frontend.counters.refused.draining === 1);
  assertEquals(
    [isDrained, world.frontend.isDraining, handler.lines],
    [false, true, ["refused 127.0.0.1 draining"]],
  );
  clock.advance(120_000);
  await drained;
  await using again = await startUdpFrontend({
    listen: world.frontend.address,
    pool: world.pool,
    table: world.table,
  });
  assertEquals(again.address, world.frontend.address);
});

test("close() gives the sessions their grace, then ends them, and no lease, entry or timer is left", async () => {
  const clock = new ManualClock();
  const handler = record();
  await using world = await Datagrams.start(2, { table: new ConnectionTable(clock), handler });
  const [client, other] = [await world.client(), await world.client()];
  await client.ask("1");
  await other.ask("1");
  const closing = world.frontend.close(5000);
  assertEquals(world.frontend.close(0), closing);
  assertEquals(await client.ask("2"), "a:2");
  clock.advance(5000);
  await closing;
  assertEquals([handler.reasons, world.active, world.table.size], [["shutdown", "shutdown"], [0, 0], 0]);
  assertEquals([world.frontend.connections, clock.pending], [0, 0]);
});

test("a frontend of IPv6 serves clients of IPv6, also from backends of IPv4", async () => {
  await using echo = await Echo.start("a");
  using pool = poolAt([echo.address]);
  const listen = { host: "::1", port: 0 };
  await using frontend = await startUdpFrontend({ listen, pool, table: new ConnectionTable() });
  await using client = await Asker.connect(frontend.address);
  assertEquals(await client.ask("hello"), "a:hello");
  assertEquals(frontend.name, `[::1]:${frontend.address.port}`);
});

test("redirect() gives another pool to those who come, and leaves the others where they are", async () => {
  await using world = await Datagrams.start(1);
  await using echo = await Echo.start("z");
  using pool = poolAt([echo.address]);
  const client = await world.client();
  await client.ask("1");
  world.frontend.redirect(pool);
  const late = await world.client();
  assertEquals(
    [await client.ask("2"), await late.ask("2"), world.frontend.pool.name],
    ["a:2", "z:2", pool.name],
  );
});

test("startUdpFrontend() on a port in use rejects with in_use, and with settings that are none with a sentence", async () => {
  await using world = await Datagrams.start(0);
  const { pool, table, frontend } = world;
  const again = () => startUdpFrontend({ listen: frontend.address, pool, table });
  assertEquals((await assertRejects(again, NetError)).code, "in_use");
  const settings = { sessionTimeoutMs: 0 };
  const words = "Cannot start frontend: sessionTimeoutMs must be positive, received 0";
  await assertRejects(() => startUdpFrontend({ listen: HERE, pool, table, settings }), RangeError, words);
  const wrong = { maxSessions: 0 };
  assertThrows(() => frontend.configure(wrong), RangeError, "maxSessions must be at least 1, received 0");
});
