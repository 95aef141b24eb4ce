import { Buffer } from "node:buffer";
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { ManualClock } from "../../../src/async/mod.ts";
import type { KeySource } from "../../../src/balancer/contract.ts";
import { lookForKey } from "../../../src/balancer/frontend/preread.ts";
import { createPool, type Pool } from "../../../src/balancer/pool/pool.ts";
import { type Address, memoryNetwork } from "../../../src/net/mod.ts";
import { Recorder } from "../../net/recording.ts";
import { test } from "../../testing.ts";
import { greeter, until, visit } from "./frontends.ts";
import { frontendFor, Keeper } from "./listening.ts";

const LISTEN: Address = { host: "10.0.0.2", port: 80 };
const NAME: KeySource = { from: "json", field: "name" };
const HOST: KeySource = { from: "http-header", name: "Host" };
const PATH: KeySource = { from: "http-path" };
const SNI: KeySource = { from: "sni" };

function keyPool(addresses: readonly Address[], key: KeySource): Pool {
  const pool = createPool({ name: "keyed", policy: "key-hash", key, fallback: "round-robin" });
  for (const address of addresses) pool.beat(pool.add({ address }), "answered");
  return pool;
}

/** Three servers in memory behind a frontend that looks for a key. */
async function keyed(key: KeySource, maxChunkBytes?: number, clock?: ManualClock) {
  const stack = new AsyncDisposableStack();
  const { driver } = memoryNetwork(maxChunkBytes === undefined ? {} : { maxChunkBytes });
  const keepers: Keeper[] = [];
  for (const port of [1, 2, 3])
    keepers.push(stack.use(await Keeper.start(driver, { host: "10.0.0.1", port })));
  const pool = keyPool(
    keepers.map(({ address }) => address),
    key,
  );
  const world = stack.use(await frontendFor(pool, { driver, listen: LISTEN, ...(clock && { clock }) }));
  const connect = async () => {
    const recorder = new Recorder();
    return { recorder, connection: await driver.connect(LISTEN, recorder) };
  };
  /** Says `bytes` and ends. @returns The server that heard them, and what it heard. */
  const ask = async (bytes: Uint8Array) => {
    const before = keepers.map(({ sides }) => sides.length);
    const { recorder, connection } = await connect();
    connection.write(bytes);
    connection.end();
    await recorder.closed;
    const index = keepers.findIndex(({ sides }, at) => sides.length > (before[at] ?? 0));
    const keeper = keepers[index];
    assert(keeper, "nobody has heard it");
    return { index, heard: await keeper.heard(keeper.sides.length - 1) };
  };
  return { ...world, keepers, pool, connect, ask, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

function request(path: string, host: string): Buffer {
  return Buffer.from(`GET ${path}?x=${Math.random()} HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
}

test("all clients with one key reach one server, whatever else they say, and different keys spread over all", async () => {
  const sayings: readonly (readonly [KeySource, (key: string) => Buffer])[] = [
    [NAME, (key) => Buffer.from(`{"type":"login","id":"${Math.random()}","name":"${key}"}\nmore`)],
    [PATH, (key) => request(`/${key}`, "any")],
    [HOST, (key) => request("/", key)],
  ];
  for (const [source, say] of sayings) {
    await using world = await keyed(source);
    const found = new Set<number>();
    for (let key = 0; key < 12; key++) {
      const servers = new Set<number>();
      for (let time = 0; time < 3; time++) servers.add((await world.ask(say(`key${key}`))).index);
      assertEquals(servers.size, 1);
      for (const index of servers) found.add(index);
    }
    assertEquals(found.size, 3, source.from);
  }
});

test("any first bytes, in whatever chunks, arrive unchanged behind every kind of preread", async () => {
  const begin = fc.constantFrom("", "GET / HTTP/1.1\r\n", "{", '{"name":"x"}\n', "\u0016\u0003\u0001\u0002");
  const property = async (source: KeySource, chunk: number, start: string, bytes: Uint8Array) => {
    await using world = await keyed(source, chunk);
    const sent = Buffer.concat([Buffer.from(start, "latin1"), bytes]);
    assert((await world.ask(sent)).heard.equals(sent), "the bytes were changed");
    await until("the end of the client", () => world.frontend.connections === 0);
    assertEquals([world.told.lines, world.told.reasons], [[], ["finished"]]);
  };
  const source = fc.constantFrom(NAME, HOST, PATH, SNI);
  const chunk = fc.integer({ min: 1, max: 200 });
  const bytes = fc.uint8Array({ maxLength: 3000 });
  await fc.assert(fc.asyncProperty(source, chunk, begin, bytes, property), { numRuns: 40 });
});

test("40 KB without an end of the line are too many to look at: they go on by the fallback, all of them", async () => {
  await using world = await keyed(NAME, 1000);
  const sent = Buffer.from(`{"name":"${"x".repeat(40_000)}"}\n`);
  const servers = new Set<number>();
  for (let time = 0; time < 3; time++) {
    const { index, heard } = await world.ask(sent);
    assert(heard.equals(sent), "the bytes were changed");
    servers.add(index);
  }
  assertEquals(servers.size, 3);
});

test("a client that has sent 16 KiB without telling its key is waited for no longer", async () => {
  const clock = new ManualClock();
  await using world = await keyed(NAME, 100, clock);
  const { connection, recorder } = await world.connect();
  connection.write(Buffer.alloc(16_300, " "));
  await until("the client", () => world.frontend.connections === 1);
  assertEquals(world.table.size, 0);
  connection.write(Buffer.alloc(200, " "));
  await until("the limit", () => world.table.size === 1);
  connection.end();
  await recorder.closed;
  assertEquals(clock.pending, 0);
});

test("a client that says too little for 3 s is served by the fallback, and nothing of it is lost", async () => {
  const clock = new ManualClock();
  await using world = await keyed(NAME, 100, clock);
  const { connection, recorder } = await world.connect();
  connection.write(Buffer.from('{"na'));
  await until("the client", () => world.frontend.connections === 1);
  clock.advance(2999);
  assertEquals(world.table.size, 0);
  clock.advance(101);
  await until("a server for it", () => world.table.size === 1);
  connection.write(Buffer.from('me":"x"}\n'));
  connection.end();
  await recorder.closed;
  const keeper = world.keepers.find(({ sides }) => sides.length > 0);
  assertEquals((await keeper?.heard(0))?.toString(), '{"name":"x"}\n');
});

test("a server that speaks first is heard by a client that waits for it, once the preread is over", async () => {
  await using server = await greeter("s");
  await using world = await frontendFor(keyPool([server.address], NAME), {
    settings: { timeouts: { prereadMs: 50 } },
  });
  const { connection, recorder } = await visit(world.frontend);
  await recorder.received(1);
  assertEquals(recorder.text, "s");
  connection.end();
  await recorder.closed;
});

test("a client that ends before it has said all is judged by what it said, and is served", async () => {
  await using world = await keyed(NAME);
  assertEquals((await world.ask(Buffer.from('{"name":'))).heard.toString(), '{"name":');
  assertEquals((await world.ask(Buffer.alloc(0))).heard.length, 0);
});

test("a client that resets during the preread is refused as client_left, and no server hears of it", async () => {
  await using world = await keyed(NAME);
  const { connection, recorder } = await world.connect();
  connection.write(Buffer.from("{"));
  await until("the client", () => world.frontend.connections === 1);
  connection.abort();
  await recorder.closed;
  await until("the end of the client", () => world.frontend.connections === 0);
  assertEquals(world.frontend.counters.refused.client_left, 1);
  assertEquals(
    world.keepers.flatMap(({ sides }) => sides),
    [],
  );
});

test("close() ends a client that is still being read, as draining", async () => {
  const clock = new ManualClock();
  await using world = await keyed(NAME, 100, clock);
  const { connection, recorder } = await world.connect();
  connection.write(Buffer.from("{"));
  await until("the client", () => world.frontend.connections === 1);
  const closing = world.frontend.close(1000);
  await until("the grace to begin", () => clock.pending === 2);
  clock.advance(1000);
  await closing;
  await recorder.closed;
  assertEquals([world.frontend.counters.refused.draining, clock.pending], [1, 0]);
});

test("a key is looked for as its source says, and what is empty is none", () => {
  const http = Buffer.from("GET /a/b?c HTTP/1.1\r\nX-User: ada\r\nX-None:\r\n\r\n");
  const cases: readonly (readonly [KeySource, Buffer, string | undefined])[] = [
    [PATH, http, "/a/b"],
    [{ from: "http-header", name: "x-USER" }, http, "ada"],
    [{ from: "http-header", name: "x-none" }, http, undefined],
    [{ from: "http-header", name: "other" }, http, undefined],
    [PATH, Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), undefined],
    [NAME, Buffer.from('{"name":"ada"}\n'), "ada"],
    [NAME, Buffer.from('{"name":7}\n'), undefined],
    [SNI, http, undefined],
  ];
  for (const [source, bytes, key] of cases) {
    const peek = lookForKey(bytes, source);
    assertEquals(peek.state === "found" ? peek.value : undefined, key);
    assert(peek.state !== "more");
  }
});
