import { Buffer } from "node:buffer";
import { assertEquals, assertThrows } from "@std/assert";
import { judgeAddress } from "../../../src/balancer/frontend/access.ts";
import { Dialer } from "../../../src/balancer/frontend/dialer.ts";
import { Reception } from "../../../src/balancer/frontend/reception.ts";
import { startSpliceFrontend } from "../../../src/balancer/frontend/splice_frontend.ts";
import { systemDriver } from "../../../src/net/mod.ts";
import { LOOPBACK } from "../../net/recording.ts";
import { test } from "../../testing.ts";
import { greeted, greeter, poolAt, record, refused, until, type Visitor } from "./frontends.ts";
import { frontendFor, listOf, type TestFrontend } from "./listening.ts";

async function leave(visitors: readonly Visitor[], { frontend }: TestFrontend): Promise<void> {
  for (const { connection, recorder } of visitors) {
    connection.end();
    await recorder.closed;
  }
  await until("the end of all clients", () => frontend.connections === 0);
}

test("the lists decide by the client's address: who is denied may not come, nor who is not on a list of those who may", async () => {
  await using server = await greeter("s");
  const settings = { access: { allow: listOf("127.0.0.0/24"), deny: listOf("127.0.0.3") } };
  await using world = await frontendFor(poolAt([server.address]), { settings });
  const welcome = await greeted(world.frontend, "127.0.0.2");
  for (const host of ["127.0.0.3", "127.0.1.2"]) await refused(world.frontend, undefined, host);
  assertEquals(world.told.lines, ["refused 127.0.0.3 denied", "refused 127.0.1.2 denied"]);
  assertEquals(world.told.details, [
    "127.0.0.3 is on the list of those who are denied",
    "127.0.1.2 is not on the list of those who are allowed",
  ]);
  assertEquals(world.frontend.counters.refused.denied, 2);
  await leave([welcome], world);
});

test("IPv4 that is wrapped in IPv6 is the same address to every list", () => {
  const access = { deny: listOf("192.0.2.0/24") };
  assertEquals(judgeAddress("::ffff:192.0.2.7", access)?.reason, "denied");
  assertEquals(judgeAddress("192.0.3.7", access), undefined);
});

test("a frontend takes maxConnections clients at once, and the next one when one has left", async () => {
  await using server = await greeter("s");
  await using world = await frontendFor(poolAt([server.address]), {
    settings: { access: { maxConnections: 2 } },
  });
  const [one, two] = [await greeted(world.frontend), await greeted(world.frontend)];
  await refused(world.frontend);
  assertEquals(world.told.details, ["the frontend has 2 clients, which is the most"]);
  one.connection.end();
  await until("a place", () => world.frontend.connections === 1);
  const three = await greeted(world.frontend);
  assertEquals(world.frontend.counters.refused.frontend_full, 1);
  await leave([one, two, three], world);
});

test("an address has maxConnectionsPerClient clients at once, and others are not touched by it", async () => {
  await using server = await greeter("s");
  await using world = await frontendFor(poolAt([server.address]), {
    settings: { access: { maxConnectionsPerClient: 2 } },
  });
  const visitors = [await greeted(world.frontend, "127.0.0.2"), await greeted(world.frontend, "127.0.0.2")];
  await refused(world.frontend, undefined, "127.0.0.2");
  visitors.push(await greeted(world.frontend, "127.0.0.3"));
  assertEquals(world.told.lines, ["refused 127.0.0.2 client_full"]);
  visitors[0]?.connection.end();
  await until("a place", () => world.frontend.connections === 2);
  visitors.push(await greeted(world.frontend, "127.0.0.2"));
  await leave(visitors, world);
});

test("new settings hold for the next client, and those who are served keep their place", async () => {
  await using server = await greeter("s");
  await using world = await frontendFor(poolAt([server.address]));
  const early = await greeted(world.frontend);
  world.frontend.configure({ access: { deny: listOf("127.0.0.0/8") } });
  await refused(world.frontend);
  early.connection.write(Buffer.from("!"));
  await early.recorder.received(2);
  world.frontend.configure({});
  const late = await greeted(world.frontend);
  assertEquals(world.frontend.counters.refused.denied, 1);
  await leave([early, late], world);
});

test("redirect() sends the next clients to another pool, and leaves those who are served where they are", async () => {
  await using one = await greeter("a");
  await using two = await greeter("b");
  await using world = await frontendFor(poolAt([one.address]));
  const early = await greeted(world.frontend);
  const other = poolAt([two.address]);
  world.frontend.redirect(other, new Dialer({ driver: systemDriver(), nodeId: "here" }));
  const late = await greeted(world.frontend);
  assertEquals([early.name, late.name, world.frontend.pool], ["a", "b", other]);
  early.connection.write(Buffer.from("!"));
  await early.recorder.received(2);
  await leave([early, late], world);
});

test("settings that are none are refused with a sentence, at the start and later, and change nothing", async () => {
  const wrong = [
    { access: { maxConnections: 0 } },
    { timeouts: { idleMs: -1 } },
    { timeouts: { prereadMs: Number.NaN } },
  ];
  await using world = await frontendFor(poolAt([]));
  for (const settings of wrong) {
    const start = () =>
      startSpliceFrontend({ driver: systemDriver(), listen: LOOPBACK, pool: poolAt([]), settings });
    let said = "";
    await start().catch((error: unknown) => {
      said = String(error);
    });
    assertEquals(said.startsWith("RangeError: Cannot start frontend: "), true, said);
    assertThrows(() => world.frontend.configure(settings), RangeError, "Cannot configure frontend: ");
  }
  assertEquals(world.frontend.settings, {});
});

test("an address of IPv6 counts with all of its network of 64 bits, by which it is told of", () => {
  const reception = new Reception({ maxConnectionsPerClient: 1 }, record());
  const enter = (host: string): string | undefined => reception.enter(host).admit(host)?.detail;
  assertEquals(enter("2001:db8::1"), undefined);
  assertEquals(enter("2001:db8::2"), "2001:db8:0:0::/64 has 1 connections, which is the most");
  assertEquals(enter("2001:db8:0:1::2"), undefined);
  assertEquals(enter("::1"), undefined);
  assertEquals(reception.addresses, 3);
});

test("after any number of stays, admitted or refused, nobody is inside and no address is counted", () => {
  const told = record();
  const reception = new Reception({ maxConnectionsPerClient: 2, deny: listOf("10.0.0.0/30") }, told);
  let refusals = 0;
  for (let round = 0; round < 1000; round++) {
    const stays = Array.from({ length: 10 }, (_, index) => reception.enter(`10.0.0.${(round + index) % 7}`));
    for (const stay of stays) {
      const refusal = stay.admit(stay.host);
      if (!refusal) continue;
      stay.refuse(refusal);
      refusals += 1;
    }
    for (const stay of stays.reverse()) {
      stay[Symbol.dispose]();
      stay[Symbol.dispose]();
    }
  }
  assertEquals([reception.inside.count, reception.addresses], [0, 0]);
  assertEquals([reception.counters.total, reception.counters.refusedTotal], [10_000, refusals]);
  assertEquals(told.lines.length, refusals);
});
