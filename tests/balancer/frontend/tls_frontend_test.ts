import { Buffer } from "node:buffer";
import { assert, assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import { Dialer } from "../../../src/balancer/frontend/dialer.ts";
import { createPool } from "../../../src/balancer/pool/pool.ts";
import { tcpProbe } from "../../../src/balancer/probe/mod.ts";
import {
  type Address,
  connectTls,
  memoryNetwork,
  nodeDriver,
  TlsClientContext,
  type TlsClientOptions,
  TlsServerContext,
} from "../../../src/net/mod.ts";
import { encodeProxyHeader } from "../../../src/wire/mod.ts";
import { authority, certificate } from "../../net/certificates.ts";
import { LOOPBACK, Recorder, type Side } from "../../net/recording.ts";
import { test } from "../../testing.ts";
import { poolAt, refused, until, visit } from "./frontends.ts";
import { type FrontendOptions, frontendFor, Keeper, listOf, splitHeader } from "./listening.ts";

const NAMES = ["chat.test", "127.0.0.1"];
const SNI = { policy: "key-hash", key: { from: "sni" } } as const;

async function serverContext(alpn?: readonly string[]): Promise<TlsServerContext> {
  const certificates = [await certificate(NAMES)];
  const context = TlsServerContext.create({ certificates, ...(alpn && { alpn }) });
  assert(context instanceof TlsServerContext, String(context));
  return context;
}

async function clientContext(options: TlsClientOptions = {}): Promise<TlsClientContext> {
  const context = TlsClientContext.create({ ca: (await authority()).certificate, ...options });
  assert(context instanceof TlsClientContext, String(context));
  return context;
}

/** A TLS client of a frontend. @param begin What it says before TLS. */
async function secured(address: Address, options: TlsClientOptions = {}, begin?: Uint8Array): Promise<Side> {
  const recorder = new Recorder();
  const carrier = await nodeDriver().connect(address, recorder);
  if (begin) carrier.write(begin);
  const connection = await connectTls(carrier, await clientContext(options), { host: "127.0.0.1" });
  connection.handle(recorder);
  return { connection, recorder };
}

/** Says something and ends. */
async function say({ connection, recorder }: Side, text: string): Promise<void> {
  connection.write(Buffer.from(text));
  connection.end();
  await recorder.closed;
}

/** A frontend that ends TLS, before one server. */
async function ending(options: FrontendOptions = {}, alpn?: readonly string[]) {
  const stack = new AsyncDisposableStack();
  const keeper = stack.use(await Keeper.start());
  const settings = { ...options.settings, tls: await serverContext(alpn) };
  const world = stack.use(await frontendFor(poolAt([keeper.address]), { ...options, settings }));
  return { ...world, keeper, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** The first bytes of a TLS client that asks for a server name. */
async function clientHello(serverName: string): Promise<Buffer> {
  await using keeper = await Keeper.start();
  const carrier = await nodeDriver().connect(keeper.address, new Recorder());
  const abort = new AbortController();
  const context = await clientContext({ serverName });
  const shaking = connectTls(carrier, context, { host: "x", signal: abort.signal }).catch(() => undefined);
  await until("the ClientHello", () => (keeper.sides[0]?.recorder.bytes ?? 0) > 200);
  abort.abort();
  await shaking;
  return Buffer.concat(keeper.sides[0]?.recorder.chunks ?? []);
}

test("TLS that ends here: the server hears the client's words, and the table says tls", async () => {
  await using world = await ending();
  const client = await secured(world.frontend.address);
  await until("the client", () => world.table.size === 1);
  assertEquals(world.table.list({})[0]?.transport, "tls");
  await say(client, "in plain words");
  assertEquals((await world.keeper.heard(0)).toString(), "in plain words");
  await until("the end of the client", () => world.frontend.connections === 0);
  assertEquals(world.told.reasons, ["finished"]);
});

test("the server name and the protocol of TLS that ended here are passed on in a PROXY header", async () => {
  await using world = await ending({ dial: { proxyProtocol: 2 } }, ["chat/1"]);
  const client = await secured(world.frontend.address, { serverName: "chat.test", alpn: ["chat/1"] });
  await say(client, "!");
  const { header, rest } = splitHeader(await world.keeper.heard(0));
  assert(header.kind === "relayed");
  const tlvs = header.tlvs.map(({ type, value }) => `${type.toString(16)} ${Buffer.from(value)}`);
  assertEquals([tlvs, rest.toString()], [["1 chat/1", "2 chat.test", "e0 here"], "!"]);
});

test("a PROXY header comes before TLS, in one go with it, and both are understood", async () => {
  const settings = { proxyProtocol: { trusted: listOf("127.0.0.1") } };
  await using world = await ending({ settings, dial: { proxyProtocol: 1 } });
  const source = { host: "192.0.2.7", port: 7 };
  const header = encodeProxyHeader(
    { kind: "relayed", transport: "stream", source, destination: source, tlvs: [] },
    2,
  );
  await say(await secured(world.frontend.address, {}, header), "behind both");
  const heard = splitHeader(await world.keeper.heard(0));
  assert(heard.header.kind === "relayed");
  assertEquals([heard.header.source, heard.rest.toString()], [source, "behind both"]);
});

test("the key of TLS that ended here is its server name, and that of HTTP inside is read where it is decrypted", async () => {
  const keys = [{ from: "sni" }, { from: "http-header", name: "host" }] as const;
  for (const key of keys) {
    await using one = await Keeper.start();
    await using two = await Keeper.start();
    const pool = createPool({ name: "keyed", policy: "key-hash", key, fallback: "round-robin" });
    for (const { address } of [one, two]) pool.beat(pool.add({ address }), "answered");
    await using world = await frontendFor(pool, { settings: { tls: await serverContext() } });
    for (let time = 0; time < 4; time++)
      await say(
        await secured(world.frontend.address, { serverName: "chat.test" }),
        "GET / HTTP/1.1\r\nhost: a\r\n\r\n",
      );
    assertEquals([one.sides.length, two.sides.length].sort(), [0, 4]);
  }
});

test("a client without a server name is served by the fallback at once", async () => {
  await using keeper = await Keeper.start();
  const pool = createPool({ name: "keyed", ...SNI });
  pool.beat(pool.add({ address: keeper.address }), "answered");
  const settings = { tls: await serverContext(), timeouts: { prereadMs: 3_600_000 } };
  await using world = await frontendFor(pool, { settings });
  await say(await secured(world.frontend.address), "no name");
  assertEquals((await keeper.heard(0)).toString(), "no name");
});

test("TLS that passes through is balanced by its server name and arrives untouched, so that the server ends it", async () => {
  await using keeper = await Keeper.start();
  await using inner = await frontendFor(poolAt([keeper.address]), {
    settings: { tls: await serverContext() },
    dial: { proxyProtocol: 2 },
  });
  const pool = createPool({ name: "keyed", ...SNI });
  pool.beat(pool.add({ address: inner.frontend.address }), "answered");
  await using outer = await frontendFor(pool);
  const client = await secured(outer.frontend.address, { serverName: "chat.test" });
  assertEquals(outer.table.list({})[0]?.transport, "tcp");
  await say(client, "end to end");
  assertEquals(splitHeader(await keeper.heard(0)).rest.toString(), "end to end");
});

test("a ClientHello in whatever chunks brings its client to the same server, unchanged", async () => {
  const hello = await clientHello("chat.test");
  const servers = new Set<number>();
  const sendHello = async (maxChunkBytes: number) => {
    const { driver } = memoryNetwork({ maxChunkBytes });
    await using one = await Keeper.start(driver, { host: "10.0.0.1", port: 1 });
    await using two = await Keeper.start(driver, { host: "10.0.0.1", port: 2 });
    const pool = createPool({ name: "keyed", ...SNI, fallback: "random" });
    for (const { address } of [one, two]) pool.beat(pool.add({ address }), "answered");
    await using world = await frontendFor(pool, { driver, listen: { host: "10.0.0.2", port: 443 } });
    const recorder = new Recorder();
    const connection = await driver.connect(world.frontend.address, recorder);
    connection.write(hello);
    connection.end();
    await recorder.closed;
    const [index, keeper] = one.sides.length > 0 ? [1, one] : [2, two];
    servers.add(index);
    assert((await keeper.heard(0)).equals(hello), "the bytes were changed");
  };
  await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: hello.length }), sendHello), { numRuns: 15 });
  assertEquals(servers.size, 1);
});

test("TLS to backends: a header before it, the client's words inside of it, and probes the same way", async () => {
  const settings = { proxyProtocol: { trusted: listOf("127.0.0.1") } };
  await using inner = await ending({ settings, dial: { nodeId: "inner", proxyProtocol: 2 } });
  const pool = poolAt([inner.frontend.address]);
  const dial = { nodeId: "outer", proxyProtocol: 2, tls: await clientContext() } as const;
  await using outer = await frontendFor(pool, { dial });
  const { connection, recorder } = await visit(outer.frontend, "127.0.0.88");
  await say({ connection, recorder }, "secret on the way");
  const { header, rest } = splitHeader(await inner.keeper.heard(0));
  assert(header.kind === "relayed");
  assertEquals([header.source, rest.toString()], [connection.local, "secret on the way"]);
  const probe = new Dialer({ driver: nodeDriver(), ...dial }).probe(tcpProbe);
  const [backend] = pool.backends();
  assert(backend);
  await probe(backend, { signal: new AbortController().signal, timeoutMs: 5000 });
  await until("the end of all clients", () => inner.frontend.connections === 0);
  assertEquals(inner.told.lines, []);
});

test("a backend whose certificate is not trusted gets no byte of the client, and is blamed", async () => {
  await using inner = await ending();
  const stranger = await clientContext({ ca: (await authority("somebody else")).certificate });
  await using outer = await frontendFor(poolAt([inner.frontend.address]), { dial: { tls: stranger } });
  await refused(outer.frontend, Buffer.from("secret"));
  await until("the end of the client", () => outer.frontend.connections === 0);
  assertEquals(outer.told.lines.length, 2);
  assertMatch(outer.told.lines[0] ?? "", /^failed 127\.0\.0\.1:\d+ tls$/);
  assertEquals(outer.told.lines[1], "refused 127.0.0.1 connect_failed");
  assertEquals([...outer.frontend.pool.backends()][0]?.counters.connectFailures, 1);
  assertEquals(inner.keeper.sides.length, 0);
});

test("a client that speaks no TLS, or says nothing for as long as a handshake may take, is refused as tls", async () => {
  await using world = await ending({ settings: { timeouts: { handshakeMs: 100 } } });
  await refused(world.frontend, Buffer.from("GET / HTTP/1.1\r\n\r\n"));
  await until("the end of the client", () => world.frontend.connections === 0);
  await refused(world.frontend);
  await until("the end of the client", () => world.frontend.connections === 0);
  assertEquals(world.told.lines, ["refused 127.0.0.1 tls", "refused 127.0.0.1 tls"]);
  assertMatch(world.told.details[1] ?? "", /no handshake in 100 ms/);
  assertEquals([world.frontend.counters.refused.tls, world.keeper.sides.length], [2, 0]);
});

test("close() ends a client in the middle of its handshake, as draining", async () => {
  await using world = await ending();
  const { connection, recorder } = await visit(world.frontend);
  await until("the client", () => world.frontend.connections === 1);
  await world.frontend.close();
  await recorder.gone;
  connection.abort();
  assertEquals(world.frontend.counters.refused.draining, 1);
});

test("TLS cannot be switched on while a frontend runs, and then nothing is changed", async () => {
  await using world = await frontendFor(poolAt([]), { listen: LOOPBACK });
  const settings = { tls: await serverContext(), access: { maxConnections: 1 } };
  let message = "";
  try {
    world.frontend.configure(settings);
  } catch (error) {
    message = String(error);
  }
  assertMatch(message, /^RangeError: Cannot configure frontend: TLS must be there when it starts/);
  assertEquals(world.frontend.settings, {});
});
