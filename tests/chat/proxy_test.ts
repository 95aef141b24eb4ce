import { Buffer } from "node:buffer";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { ManualClock } from "../../src/async/mod.ts";
import { startSpliceFrontend } from "../../src/balancer/frontend/splice_frontend.ts";
import { createPool } from "../../src/balancer/pool/pool.ts";
import { type Address, listenPaused, nodeDriver, systemDriver } from "../../src/net/mod.ts";
import { encodeProxyHeader } from "../../src/wire/mod.ts";
import { RawClient } from "../helpers.ts";
import { Recorder } from "../net/recording.ts";
import { test } from "../testing.ts";
import { chatServers } from "./chat_servers.ts";

const TRUSTED = { trusted: ["127.0.0.1"] };
const TARGET = { host: "10.0.0.1", port: 7000 };

function headerFor(host: string, version: 1 | 2 = 2): Buffer {
  const source = { host, port: 4711 };
  const header = { kind: "relayed", transport: "stream", source, destination: TARGET, tlvs: [] } as const;
  return Buffer.from(encodeProxyHeader(header, version));
}

const LOCAL = encodeProxyHeader({ kind: "local" }, 2);

/** A client for whom a balancer at 127.0.0.1 has connected. */
async function relayed(address: Address, header: Uint8Array): Promise<RawClient> {
  const client = await RawClient.connect(address);
  client.write(header);
  return client;
}

/** What a client hears first: the answer to its ping, or that it may not stay. */
async function firstWord(client: RawClient): Promise<string> {
  client.tell({ type: "ping" });
  const { type, message } = await client.until("a frame", () => client.frames[0]);
  return String(message ?? type);
}

test("behind a trusted balancer each client's own address counts for the limit of connections, with headers of either version", async () => {
  await using cluster = await chatServers(1, { ...TRUSTED, limits: { connectionsPerHost: 1 } });
  const at = cluster.at(0);
  await using one = await relayed(at, headerFor("192.0.2.1"));
  assertEquals(await firstWord(one), "pong");
  await using again = await relayed(at, headerFor("192.0.2.1", 1));
  assertEquals(await firstWord(again), "too many connections from this address");
  await using two = await relayed(at, headerFor("192.0.2.2", 1));
  assertEquals(await firstWord(two), "pong");
  await using three = await relayed(at, headerFor("2001:db8::3"));
  assertEquals(await firstWord(three), "pong");
});

test("a header and the frames behind it arrive whole, whatever the chunks", async () => {
  await using cluster = await chatServers(1, TRUSTED);
  const bytes = Buffer.concat([headerFor("192.0.2.1"), Buffer.from('{"type":"ping","id":"1"}\n')]);
  for (const size of [1, 7, 30, bytes.length]) {
    await using client = await RawClient.connect(cluster.at(0));
    for (let start = 0; start < bytes.length; start += size) {
      client.write(bytes.subarray(start, start + size));
      await new Promise((resolve) => setImmediate(resolve));
    }
    assertEquals((await client.next("pong")).id, "1");
  }
});

test("a balancer that says LOCAL or nothing hears how the server is; a client it speaks for does not", async () => {
  await using cluster = await chatServers(1, TRUSTED);
  for (const [header, isTold] of [
    [LOCAL, true],
    [encodeProxyHeader({ kind: "unknown", tlvs: [] }, 2), true],
    [new Uint8Array(), true],
    [headerFor("192.0.2.1"), false],
    [headerFor("127.0.0.1"), false],
  ] as const) {
    await using client = await relayed(cluster.at(0), header);
    assertEquals("capacity" in (await client.ask({ type: "ping" })), isTold);
  }
});

test("a header from an address that is not trusted is a bad frame", async () => {
  await using cluster = await chatServers(1, { trusted: ["127.0.0.2"] });
  await using client = await relayed(cluster.at(0), headerFor("192.0.2.1", 1));
  assertEquals((await client.next("error")).code, "bad_frame");
  assertEquals((await client.ask({ type: "ping" })).type, "pong");
});

test("a connection that another process accepted brings no header: one that its client sends is a bad frame", async () => {
  await using cluster = await chatServers(1, TRUSTED);
  await using listener = await listenPaused({ host: "127.0.0.1", port: 0 }, ({ native }) =>
    cluster.servers[0]?.adopt(native, () => undefined),
  );
  await using client = await relayed(listener.address, headerFor("192.0.2.1", 1));
  assertEquals((await client.next("error")).code, "bad_frame");
});

test("a malformed header of a trusted balancer is reported with what is wrong, and its connection is closed", async () => {
  await using cluster = await chatServers(1, TRUSTED);
  const client = await relayed(cluster.at(0), Buffer.from("PROXY TCP9 1 2 3 4\r\n"));
  await client.closed;
  assertEquals(cluster.errors.length, 1);
  assertMatch(
    String(cluster.errors[0]),
    /Cannot read the PROXY header of 127\.0\.0\.1:\d+: the family is "TCP9"/,
  );
  assertEquals(cluster.servers[0]?.connections, 0);
});

test("a trusted connection that says nothing for 3 s is a balancer's, and one that breaks before is forgotten", async () => {
  const clock = new ManualClock();
  await using cluster = await chatServers(1, { ...TRUSTED, clock });
  const [server] = cluster.servers;
  assert(server);
  const early = await RawClient.connect(cluster.at(0));
  while (server.connections === 0) await new Promise((resolve) => setImmediate(resolve));
  await early[Symbol.asyncDispose]();
  while (server.connections > 0) await new Promise((resolve) => setImmediate(resolve));
  await using silent = await RawClient.connect(cluster.at(0));
  while (server.connections === 0) await new Promise((resolve) => setImmediate(resolve));
  clock.advance(5000);
  silent.write(LOCAL);
  assertEquals((await silent.next("error")).code, "bad_frame");
});

test("close() does not wait for a trusted connection that says nothing", async () => {
  await using cluster = await chatServers(1, TRUSTED);
  const [server] = cluster.servers;
  assert(server);
  await using silent = await RawClient.connect(cluster.at(0));
  while (server.connections === 0) await new Promise((resolve) => setImmediate(resolve));
  await server.close(60_000);
  await silent.closed;
  assertEquals(silent.frames[0]?.reason, "draining");
});

test("through a balancer whose backends announce proxy 2, the chat server counts each client by its own address", async () => {
  await using cluster = await chatServers(1, { ...TRUSTED, limits: { connectionsPerHost: 1 } });
  const pool = createPool({ name: "chat", policy: "round-robin" });
  pool.add({ address: cluster.at(0), proxy: 2 });
  await using frontend = await startSpliceFrontend({
    driver: systemDriver(),
    listen: { host: "127.0.0.1", port: 0 },
    pool,
  });
  const say = async (host: string): Promise<string> => {
    const recorder = new Recorder();
    const connection = await nodeDriver().connect(frontend.address, recorder, { localAddress: host });
    connections.push(connection);
    connection.write(Buffer.from('{"type":"ping"}\n'));
    await recorder.received(1);
    return recorder.text;
  };
  const connections: { abort(): void }[] = [];
  assertMatch(await say("127.0.0.21"), /pong/);
  assertMatch(await say("127.0.0.22"), /pong/);
  assertMatch(await say("127.0.0.21"), /too many connections from this address/);
  for (const connection of connections) connection.abort();
});
