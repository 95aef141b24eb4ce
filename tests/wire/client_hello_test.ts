import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { connect } from "node:tls";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { type ClientHello, MAX_PEEK_BYTES, peekClientHello } from "../../src/wire/mod.ts";
import { test } from "../testing.ts";
import { bytesOf, concat, fromHex, reasonOf, testPeek } from "./peek_conformance.ts";

const SERVER_NAME = 0;
const PROTOCOLS = 16;

/** A length of `size` bytes, and the parts. */
function vector(size: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = concat(...parts);
  const length = Array.from({ length: size }, (_, i) => (content.length >> (8 * (size - 1 - i))) & 255);
  return concat(Uint8Array.from(length), content);
}

function extension(type: number, content: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(type >> 8, type & 255), vector(2, content));
}

function nameExtension(...names: readonly string[]): Uint8Array {
  return extension(
    SERVER_NAME,
    vector(2, ...names.map((name) => concat(Uint8Array.of(0), vector(2, bytesOf(name))))),
  );
}

function protocolsExtension(...names: readonly string[]): Uint8Array {
  return extension(PROTOCOLS, vector(2, ...names.map((name) => vector(1, bytesOf(name)))));
}

/** The message, with its head. */
function helloOf(
  extensions: readonly Uint8Array[] | undefined,
  session: Uint8Array = new Uint8Array(32),
): Uint8Array {
  const start = concat(Uint8Array.of(3, 3), new Uint8Array(32), vector(1, session));
  const suites = concat(vector(2, Uint8Array.of(0x13, 1, 0x13, 2)), vector(1, Uint8Array.of(0)));
  const block = extensions ? [vector(2, ...extensions)] : [];
  return concat(Uint8Array.of(1), vector(3, start, suites, ...block));
}

/** The message in records, which end at the cuts. */
function records(message: Uint8Array, cuts: readonly number[] = []): Uint8Array {
  const ends = [...new Set([...cuts.map((cut) => 1 + (cut % message.length)), message.length])].sort(
    (a, b) => a - b,
  );
  const parts = ends.map((end, i) => vector(2, message.subarray(ends[i - 1] ?? 0, end)));
  return concat(...parts.flatMap((part) => [Uint8Array.of(0x16, 3, 1), part]));
}

function peekAll(...extensions: readonly Uint8Array[]): ReturnType<typeof peekClientHello> {
  return peekClientHello(records(helloOf(extensions)));
}

const label = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,20}$/);
const serverName = fc.array(label, { minLength: 1, maxLength: 5 }).map((labels) => labels.join("."));
const protocols = fc.array(fc.stringMatching(/^[!-~]{1,12}$/), { minLength: 1, maxLength: 5 });
const other = fc.tuple(fc.integer({ min: 17, max: 60_000 }), fc.uint8Array({ maxLength: 50 }));
const others = fc.uniqueArray(other, { maxLength: 6, selector: ([type]) => type });

const samples = fc
  .tuple(
    fc.option(serverName),
    fc.option(protocols),
    others,
    fc.uint8Array({ maxLength: 32 }),
    fc.array(fc.nat()),
  )
  .map(([name, offered, rest, session, cuts]) => {
    const extensions = rest.map(([type, content]) => extension(type, content));
    if (offered) extensions.push(protocolsExtension(...offered));
    if (name) extensions.unshift(nameExtension(name));
    const value: ClientHello = { serverName: name ?? undefined, protocols: offered ?? [] };
    return [records(helloOf(extensions, session), cuts), value] as const;
  });

testPeek("peekClientHello()", { peek: peekClientHello, limitBytes: MAX_PEEK_BYTES, samples });

test("peekClientHello() reads what the TLS client of this runtime sends", async () => {
  let accepted: Socket | undefined;
  const server = createServer((socket) => {
    accepted = socket;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const options = {
    host: "127.0.0.1",
    port,
    servername: "Chat.Example.org",
    ALPNProtocols: ["h2", "http/1.1"],
  };
  const client = connect({ ...options, rejectUnauthorized: false });
  client.on("error", () => client.destroy());
  if (!accepted) await once(server, "connection");
  const chunks: Uint8Array[] = [];
  let peek = peekClientHello(new Uint8Array());
  while (peek.state === "more") {
    const [chunk] = (await once(accepted as Socket, "data")) as [Uint8Array];
    chunks.push(chunk);
    peek = peekClientHello(concat(...chunks));
  }
  accepted?.destroy();
  client.destroy();
  server.close();
  await once(server, "close");
  assert(peek.state === "found", reasonOf(peek));
  assertEquals(peek.value, { serverName: "chat.example.org", protocols: ["h2", "http/1.1"] });
});

test("peekClientHello() reads a ClientHello of old, without extensions", () => {
  const bytes = records(helloOf(undefined));
  const value = { serverName: undefined, protocols: [] };
  assertEquals(peekClientHello(bytes), { state: "found", value, length: bytes.length });
});

test("peekClientHello() finds where the ClientHello ends, though more follows in its record", () => {
  const message = helloOf([nameExtension("a.org")]);
  const bytes = records(concat(message, bytesOf("more")), [20]);
  const value = { serverName: "a.org", protocols: [] };
  assertEquals(peekClientHello(bytes), { state: "found", value, length: bytes.length - 4 });
});

test("peekClientHello() says by the first wrong byte that it is not TLS", () => {
  const wrong: readonly (readonly [Uint8Array, string])[] = [
    [bytesOf("G"), "0x47"],
    [bytesOf("{"), "0x7b"],
    [fromHex("80 2e 01 03 01"), "0x80"],
    [fromHex("15 03 01 00 02"), "0x15"],
    [fromHex("16 02"), "version"],
    [fromHex("16 03 01 00 00"), "0 bytes"],
    [fromHex("16 03 01 40 01"), "16385 bytes"],
    [fromHex("16 03 01 00 30 02"), "type 2"],
    [fromHex("16 03 01 00 30 01 00 40 00"), "at most 16379"],
    [fromHex("16 03 01 00 01 01 17"), "0x17"],
  ];
  for (const [bytes, words] of wrong) assertStringIncludes(reasonOf(peekClientHello(bytes)), words);
});

test("peekClientHello() gives a name in lower case and without its final dot", () => {
  const peek = peekAll(nameExtension("A_b-1.EXAMPLE.org."));
  assertEquals(peek.state === "found" && peek.value.serverName, "a_b-1.example.org");
});

test("peekClientHello() refuses server names that are none", () => {
  const names = [
    "",
    ".",
    "a..b",
    "a b",
    "ä.example",
    "a\0b",
    "a/b",
    "x".repeat(64),
    `${"abcdefg.".repeat(32)}org`,
    "::1",
  ];
  for (const name of names) assertStringIncludes(reasonOf(peekAll(nameExtension(name))), "server name");
  assertStringIncludes(reasonOf(peekAll(nameExtension("a.org", "b.org"))), "server name");
  const noHost = extension(SERVER_NAME, vector(2, Uint8Array.of(1), vector(2, bytesOf("a.org"))));
  assertStringIncludes(reasonOf(peekAll(noHost)), "server name");
});

test("peekClientHello() refuses lists and lengths that do not agree", () => {
  const protocolLists = [
    vector(2),
    vector(2, vector(1)),
    concat(vector(2, vector(1, bytesOf("h2"))), bytesOf("x")),
    Uint8Array.of(0),
  ];
  for (const list of protocolLists)
    assertStringIncludes(reasonOf(peekAll(extension(PROTOCOLS, list))), "protocols");
  assertStringIncludes(reasonOf(peekAll(nameExtension("a.org"), nameExtension("b.org"))), "twice");
  assertStringIncludes(reasonOf(peekAll(Uint8Array.of(0, 0, 0, 9, 1))), "extensions");
  const message = helloOf([]);
  const longer = concat(Uint8Array.of(1, 0, 0, message.length - 3), message.subarray(4), Uint8Array.of(0));
  assertStringIncludes(reasonOf(peekClientHello(records(longer))), "lengths");
});

test("peekClientHello() gives up at 16 KiB, however the bytes are spread over records", () => {
  const large = helloOf([extension(21, new Uint8Array(16_000)), nameExtension("a.org")]);
  assertEquals(peekClientHello(records(large)).state, "found");
  const spread = records(helloOf([extension(21, new Uint8Array(16_290))]), [1, 2, 3, 5000, 9000, 12_000]);
  assert(spread.length > MAX_PEEK_BYTES);
  assertEquals(peekClientHello(spread.subarray(0, MAX_PEEK_BYTES - 1)).state, "more");
  assertStringIncludes(reasonOf(peekClientHello(spread)), "16384 bytes");
});

test("peekClientHello() takes a ClientHello in 64 records, and gives up on one in 65", () => {
  const inRecords = (count: number) =>
    records(
      helloOf([]),
      Array.from({ length: count - 1 }, (_, i) => i),
    );
  assertEquals(peekClientHello(inRecords(64)).state, "found");
  assertEquals(reasonOf(peekClientHello(inRecords(65))), "it does not end within 64 records");
});
