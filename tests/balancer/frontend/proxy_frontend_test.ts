import { Buffer } from "node:buffer";
import { assert, assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import { ManualClock } from "../../../src/async/mod.ts";
import { encodeLocal } from "../../../src/balancer/frontend/client_route.ts";
import { Dialer } from "../../../src/balancer/frontend/dialer.ts";
import { type Address, formatAddress, memoryNetwork, systemDriver } from "../../../src/net/mod.ts";
import { encodeProxyHeader } from "../../../src/wire/mod.ts";
import { Recorder } from "../../net/recording.ts";
import { test } from "../../testing.ts";
import { greeter, poolAt, refused, until, visit } from "./frontends.ts";
import {
  frontendFor,
  HEADER,
  Keeper,
  listOf,
  over,
  PROXIED,
  RELAYED,
  SOURCE,
  soon,
  splitHeader,
  TARGET,
  type TestFrontend,
} from "./listening.ts";

async function nobodyLeft({ frontend, table }: TestFrontend): Promise<void> {
  await until("the end of all clients", () => frontend.connections === 0);
  assertEquals([...frontend.pool.backends()].map(({ active }) => active).filter(Boolean), []);
  assertEquals(table.size, 0);
}

/** A frontend that wants headers, in a network in memory that cuts what it sends into small chunks. */
async function cutFrontend(maxChunkBytes: number, version: 1 | 2) {
  const { driver } = memoryNetwork({ maxChunkBytes });
  const stack = new AsyncDisposableStack();
  const keeper = stack.use(await Keeper.start(driver, { host: "10.0.0.1", port: 7000 }));
  const world = stack.use(
    await frontendFor(poolAt([keeper.address]), {
      driver,
      listen: { host: "10.0.0.2", port: 80 },
      settings: { proxyProtocol: { trusted: listOf("10.0.0.0/8") } },
      dial: { proxyProtocol: version },
    }),
  );
  return { driver, keeper, world, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

test("any bytes behind a header of either version arrive unchanged, in whatever chunks both come, with the client's own address", async () => {
  const version = fc.constantFrom(1, 2);
  const payload = fc.uint8Array({ maxLength: 5000 });
  const property = async (read: 1 | 2, written: 1 | 2, chunk: number, bytes: Uint8Array) => {
    await using world = await cutFrontend(chunk, written);
    const recorder = new Recorder();
    const client = await world.driver.connect({ host: "10.0.0.2", port: 80 }, recorder);
    client.write(encodeProxyHeader(RELAYED, read));
    client.write(Buffer.from(bytes));
    client.end();
    await recorder.closed;
    const { header, rest } = splitHeader(await world.keeper.heard(0));
    assert(header.kind === "relayed");
    assertEquals([header.source, header.destination], [SOURCE, TARGET]);
    assert(rest.equals(Buffer.from(bytes)), "the bytes were changed");
  };
  const chunks = fc.integer({ min: 1, max: 60 });
  await fc.assert(fc.asyncProperty(version, version, chunks, payload, property), { numRuns: 25 });
});

test("what the client of a header sends and hears passes, and its own address is shown, counted and passed on", async () => {
  await using keeper = await Keeper.start();
  const world = await frontendFor(poolAt([keeper.address]), {
    settings: { ...PROXIED, access: { maxConnectionsPerClient: 1 } },
    dial: { proxyProtocol: 2 },
  });
  await using _ = world;
  const first = await visit(world.frontend);
  first.connection.write(Buffer.concat([HEADER, Buffer.from("hello")]));
  await until("the client", () => world.table.size === 1);
  assertEquals(world.table.list({}).at(0)?.client, formatAddress(SOURCE));
  const second = await visit(world.frontend);
  second.connection.write(HEADER);
  await over(second);
  assertEquals(world.told.lines, [`refused ${SOURCE.host} client_full`]);
  first.connection.end();
  await first.recorder.closed;
  const { header, rest } = splitHeader(await keeper.heard(0));
  assert(header.kind === "relayed");
  assertEquals([header.source, header.destination, rest.toString()], [SOURCE, TARGET, "hello"]);
  await nobodyLeft(world);
});

test("without a header of its own to read, a frontend passes on the address of its client and its own", async () => {
  await using keeper = await Keeper.start();
  for (const version of [1, 2] as const) {
    await using world = await frontendFor(poolAt([keeper.address]), { dial: { proxyProtocol: version } });
    const { connection, recorder } = await visit(world.frontend, "127.0.0.77");
    connection.end();
    await recorder.closed;
    const { header } = splitHeader(await keeper.heard(version - 1));
    assert(header.kind === "relayed");
    assertEquals([header.source, header.destination], [connection.local, world.frontend.address]);
  }
});

test("a client that comes by IPv4 to an IPv6 address is told of as IPv4", async () => {
  await using keeper = await Keeper.start();
  await using world = await frontendFor(poolAt([keeper.address]), {
    listen: { host: "::", port: 0 },
    dial: { proxyProtocol: 1 },
  });
  const { address } = world.frontend;
  assert("port" in address);
  const recorder = new Recorder();
  const at = { host: "127.0.0.1", port: address.port };
  (await systemDriver().connect(at, recorder)).end();
  await recorder.closed;
  assertMatch((await keeper.heard(0)).toString(), /^PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 /);
});

test("a backend that announces proxy 2 is told by version 2 without being asked for it, another one is not", async () => {
  await using told = await Keeper.start();
  await using untold = await Keeper.start();
  const pool = poolAt([told.address, untold.address], "round-robin", [{ proxy: 2 }]);
  await using world = await frontendFor(pool);
  for (const _ of [1, 2]) {
    const { connection, recorder } = await visit(world.frontend);
    connection.write(Buffer.from("!"));
    connection.end();
    await recorder.closed;
  }
  assertEquals(splitHeader(await told.heard(0)).rest.toString(), "!");
  assertEquals((await untold.heard(0)).toString(), "!");
});

test("a client of a unix socket is told of by its path, or by the header that it brings, for which it is trusted", async () => {
  const { driver } = memoryNetwork();
  const path: Address = { path: "/run/front.sock" };
  await using keeper = await Keeper.start(driver, { path: "/run/back.sock" });
  await using world = await frontendFor(poolAt([keeper.address]), {
    driver,
    listen: path,
    dial: { proxyProtocol: 2 },
  });
  const ends = async (begin: Uint8Array) => {
    const recorder = new Recorder();
    const connection = await driver.connect(path, recorder);
    connection.write(begin);
    connection.end();
    await recorder.closed;
    const { header } = splitHeader(await keeper.heard(keeper.sides.length - 1));
    assert(header.kind === "relayed");
    return [header.source, header.destination];
  };
  assertEquals(await ends(Buffer.from("x")), [{ path: "" }, path]);
  world.frontend.configure(PROXIED);
  assertEquals(await ends(HEADER), [SOURCE, TARGET]);
  assertEquals(world.told.reasons, ["finished", "finished"]);
});

test("LOCAL and UNKNOWN count as the sender's own address, and LOCAL is not judged by the lists of clients", async () => {
  await using keeper = await Keeper.start();
  await using world = await frontendFor(poolAt([keeper.address]), {
    settings: { ...PROXIED, access: { deny: listOf("127.0.0.1") } },
    dial: { proxyProtocol: 2 },
  });
  const local = await visit(world.frontend, "127.0.0.1");
  local.connection.write(encodeLocal(2));
  local.connection.end();
  await local.recorder.closed;
  const { header } = splitHeader(await keeper.heard(0));
  assert(header.kind === "relayed");
  assertEquals(header.source, local.connection.local);
  const unknown = await visit(world.frontend, "127.0.0.1");
  unknown.connection.write(encodeLocal(1));
  await over(unknown);
  assertEquals(world.told.lines, ["refused 127.0.0.1 denied"]);
});

test("an untrusted address, and a header that is missing, wrong or cut off, are refused as proxy_header with what was found", async () => {
  await using keeper = await Keeper.start();
  const told: string[] = [];
  const cases: readonly (readonly [string, string | Uint8Array])[] = [
    ["127.0.0.1", "GET / HTTP/1.1\r\n\r\n"],
    ["127.0.0.1", "PROXY TCP4 192.0.2.7 nowhere 1 2\r\n"],
    ["127.0.0.1", HEADER.subarray(0, 20)],
    ["127.0.0.9", HEADER],
  ];
  for (const [host, bytes] of cases) {
    await using world = await frontendFor(poolAt([keeper.address]), {
      settings: { proxyProtocol: { trusted: listOf("127.0.0.1") } },
    });
    await refused(world.frontend, Buffer.from(bytes), host);
    await nobodyLeft(world);
    assertEquals(world.frontend.counters.refused.proxy_header, 1);
    told.push(...world.told.details);
  }
  const sentences = [
    /^from 127\.0\.0\.1: the first byte is 0x47; a PROXY header begins with/,
    /^from 127\.0\.0\.1: "PROXY TCP4 192\.0\.2\.7 nowhere 1 2" is not PROXY TCP4/,
    /^from 127\.0\.0\.1: it ended after 20 bytes of a header$/,
    /^127\.0\.0\.9 is not one of the addresses that are trusted/,
  ];
  assertEquals(told.length, sentences.length);
  for (const [index, sentence] of sentences.entries()) assertMatch(told[index] ?? "", sentence);
  assertEquals(keeper.sides.length, 0);
});

test("a header that is not whole after 3 s is refused as proxy_header, and one who only looks whether we are here is not", async () => {
  const clock = new ManualClock();
  const { driver } = memoryNetwork();
  const listen = { host: "10.0.0.2", port: 80 };
  await using world = await frontendFor(poolAt([]), {
    driver,
    listen,
    clock,
    settings: { proxyProtocol: { trusted: listOf("10.0.0.0/8") } },
  });
  const slow = new Recorder();
  const connection = await driver.connect(listen, slow);
  connection.write(HEADER.subarray(0, 15));
  await until(
    "the header's beginning",
    () => world.frontend.connections === 1 && connection.queuedBytes === 0,
  );
  clock.advance(2999);
  assertEquals(world.told.lines, []);
  clock.advance(101);
  await slow.closed;
  const knock = new Recorder();
  (await driver.connect(listen, knock)).end();
  await knock.gone;
  await until("the end of both", () => world.told.lines.length === 2);
  assertEquals(world.told.lines, ["refused 10.0.0.2 proxy_header", "refused 10.0.0.2 client_left"]);
  assertMatch(world.told.details[0] ?? "", /\d bytes came in 3000 ms; a whole header must$/);
  assertEquals(clock.pending, 0);
});

test("a header may take as long as the frontend's first bytes may, and no longer", async () => {
  const clock = new ManualClock();
  const { driver } = memoryNetwork();
  const listen = { host: "10.0.0.2", port: 80 };
  await using world = await frontendFor(poolAt([]), {
    driver,
    listen,
    clock,
    settings: { proxyProtocol: { trusted: listOf("10.0.0.0/8") }, timeouts: { prereadMs: 300 } },
  });
  const slow = new Recorder();
  (await driver.connect(listen, slow)).write(HEADER.subarray(0, 15));
  await until("the wait for the rest", () => clock.pending > 0);
  clock.advance(299);
  assertEquals(world.told.lines, []);
  clock.advance(101);
  await slow.closed;
  assertMatch(world.told.details[0] ?? "", /bytes came in 300 ms; a whole header must$/);
});

test("a server that speaks first is heard behind a header", async () => {
  await using server = await greeter("s");
  await using world = await frontendFor(poolAt([server.address]), { settings: PROXIED });
  const visitor = await visit(world.frontend);
  visitor.connection.write(HEADER);
  await visitor.recorder.received(1);
  assertEquals(visitor.recorder.text, "s");
  visitor.connection.end();
  await visitor.recorder.closed;
});

test("probes of a dialer say LOCAL to a backend that announces proxy 2, and nothing to one that does not", async () => {
  await using told = await Keeper.start();
  await using untold = await Keeper.start();
  const pool = poolAt([told.address, untold.address], "round-robin", [{ proxy: 2 }]);
  const dialer = new Dialer({ driver: systemDriver(), nodeId: "here" });
  const probe = dialer.probe((driver) => async ({ address }) => {
    const recorder = new Recorder();
    (await driver.connect(address, recorder)).end();
    await soon(recorder.closed, "see the probe's end");
    return {};
  });
  const options = { signal: new AbortController().signal, timeoutMs: 5000 };
  for (const backend of pool.backends()) await probe(backend, options);
  assertEquals(splitHeader(await told.heard(0)).header, { kind: "local" });
  assertEquals((await untold.heard(0)).length, 0);
});
