import { Buffer } from "node:buffer";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { encodeProxyHeader } from "../../../src/wire/mod.ts";
import { RawClient } from "../../helpers.ts";
import { test } from "../../testing.ts";
import { chatServers } from "../chat_servers.ts";
import { frameOf, HandSocket } from "./hand_socket.ts";

const TEXT = 1;
const BINARY = 2;
const CONTINUATION = 0;
const PING = 9;

function headerFor(host: string): Uint8Array {
  const source = { host, port: 4711 };
  const target = { host: "10.0.0.1", port: 7080 };
  return encodeProxyHeader(
    { kind: "relayed", transport: "stream", source, destination: target, tlvs: [] },
    2,
  );
}

test("a client by WebSocket and one by TCP on another server exchange messages", async () => {
  await using cluster = await chatServers(2, { web: {} });
  await using ada = await RawClient.loginWeb(cluster.webAt(0), "ada");
  await using bob = await RawClient.login(cluster.at(1), "bob");
  const texts = ['quotes " and \\', "NUL \0 inside", "emoji \u{1F469}\u200D\u{1F4BB}", "x".repeat(32_000)];
  for (const text of texts) assertEquals((await ada.ask({ type: "send", to: "bob", text })).type, "ok");
  assertEquals(
    (await bob.hasMessages(texts.length)).map(({ text }) => text),
    texts,
  );
  await bob.ask({ type: "send", to: "ada", text: "back" });
  assertEquals((await ada.hasMessages(texts.length + 1)).at(-1)?.text, "back");
  assertEquals(cluster.errors, []);
});

test("a WebSocket opens at /ws and at /, and nowhere else", async () => {
  await using cluster = await chatServers(1, { web: {} });
  for (const [path, status] of [
    ["/ws", 101],
    ["/", 101],
    ["/other", 404],
  ] as const) {
    const opened = await HandSocket.upgrade(cluster.webAt(0), { path });
    await using _ = opened.socket;
    assertEquals([path, opened.status], [path, status]);
  }
});

test("a page may connect to the host that it is from, a program from anywhere, a page of another site nowhere", async () => {
  await using cluster = await chatServers(1, { web: {} });
  for (const [origin, status] of [
    ["http://chat.test", 101],
    ["https://chat.test", 101],
    ["http://chat.test:81", 403],
    ["http://other.test", 403],
    ["null", 403],
    ["file://", 403],
  ] as const) {
    const opened = await HandSocket.upgrade(cluster.webAt(0), { headers: { origin } });
    await using _ = opened.socket;
    assertEquals([origin, opened.status], [origin, status]);
  }
});

test("with a list of origins only their pages may connect", async () => {
  await using cluster = await chatServers(1, { web: { origins: ["https://chat.example.org"] } });
  for (const [origin, status] of [
    ["https://chat.example.org", 101],
    ["http://chat.example.org", 403],
    ["http://chat.test", 403],
  ] as const) {
    const opened = await HandSocket.upgrade(cluster.webAt(0), { headers: { origin } });
    await using _ = opened.socket;
    assertEquals([origin, opened.status], [origin, status]);
  }
});

test("a binary message is refused with a sentence, and the connection lives on until the tenth in a row", async () => {
  await using cluster = await chatServers(1, { web: {} });
  const { socket } = await HandSocket.upgrade(cluster.webAt(0));
  await using _ = socket;
  socket.connection.write(frameOf(BINARY, Buffer.from('{"type":"ping"}')));
  const refused = await socket.message();
  assertEquals([refused?.type, refused?.code], ["error", "bad_frame"]);
  assertMatch(String(refused?.message), /text message, not a binary/);
  socket.tell({ type: "ping", id: "1" });
  assertEquals((await socket.message())?.type, "pong");
  for (let count = 0; count < 10; count++) {
    socket.connection.write(frameOf(BINARY, Buffer.from([count])));
    assertEquals((await socket.message())?.code, "bad_frame");
  }
  assertEquals(await socket.message(), undefined);
});

test("what is no JSON object is bad_frame, and a newline inside of a message ends no frame", async () => {
  await using cluster = await chatServers(1, { web: {} });
  const { socket } = await HandSocket.upgrade(cluster.webAt(0));
  await using _ = socket;
  for (const text of ["", "nonsense", "[]", '{"type":"ping"}{"type":"ping"}']) {
    socket.connection.write(frameOf(TEXT, Buffer.from(text)));
    assertEquals((await socket.message())?.code, "bad_frame", text);
  }
  socket.connection.write(frameOf(TEXT, Buffer.from('{"type":\n"ping","id":"1"}\n')));
  assertEquals((await socket.message())?.type, "pong");
});

test("a frame of 64 KiB is taken, whole or in parts; one byte more is too_large, and closes", async () => {
  await using cluster = await chatServers(1, { web: {} });
  const { socket } = await HandSocket.upgrade(cluster.webAt(0));
  await using _ = socket;
  const frame = Buffer.from(`{"type":"ping","id":"1"${" ".repeat(65_536 - 24)}}`);
  assertEquals(frame.length, 65_536);
  socket.connection.write(frameOf(TEXT, frame));
  assertEquals((await socket.message())?.type, "pong");
  socket.connection.write(frameOf(TEXT, frame.subarray(0, 30_000), false));
  socket.connection.write(frameOf(CONTINUATION, frame.subarray(30_000)));
  assertEquals((await socket.message())?.type, "pong");
  socket.connection.write(frameOf(TEXT, Buffer.concat([frame, Buffer.from(" ")])));
  assertEquals((await socket.message())?.code, "too_large");
  assertEquals(await socket.message(), undefined);
});

test("a message without an end takes no memory: it is not read on, and is too_large", async () => {
  await using cluster = await chatServers(1, { web: {} });
  const { socket } = await HandSocket.upgrade(cluster.webAt(0));
  await using _ = socket;
  const part = Buffer.alloc(60_000, " ");
  socket.connection.write(frameOf(TEXT, part, false));
  for (let count = 0; count < 500; count++) socket.connection.write(frameOf(CONTINUATION, part, false));
  assertEquals((await socket.message())?.code, "too_large");
  assert(socket.connection.queuedBytes > 10_000_000, "most of 30 MB was to be left with the client");
});

test("many frames behind a slow request are all answered, in order, however many come at once", async () => {
  await using cluster = await chatServers(1, { web: {} });
  await using ada = await RawClient.loginWeb(cluster.webAt(0), "ada");
  const text = "x".repeat(5000);
  const answers = Array.from({ length: 500 }, (_, index) =>
    ada.ask({
      type: index % 50 === 0 ? "history" : "send",
      ...(index % 50 === 0 ? { with: "ada", limit: 1 } : { to: "ada", text }),
    }),
  );
  assertEquals(new Set((await Promise.all(answers)).map(({ type }) => type)), new Set(["ok"]));
  await ada.hasMessages(490);
  assertEquals(cluster.errors, []);
});

test("pings and messages in parts, many at once, are read to the end", async () => {
  await using cluster = await chatServers(1, { web: {} });
  const { socket } = await HandSocket.upgrade(cluster.webAt(0));
  await using _ = socket;
  const ping = frameOf(PING, Buffer.alloc(100));
  const text = Buffer.from(JSON.stringify({ type: "ping", pad: "x".repeat(1000) }));
  const parts = [
    frameOf(TEXT, text.subarray(0, 500), false),
    ping,
    frameOf(CONTINUATION, text.subarray(500)),
  ];
  const count = 1000;
  for (let sent = 0; sent < count; sent++) socket.connection.write(Buffer.concat([ping, ...parts]));
  let answered = 0;
  while (answered < count) if ((await socket.message())?.type === "pong") answered += 1;
  assertEquals(cluster.errors, []);
});

test("behind a trusted balancer each client's own address counts, for WebSockets too", async () => {
  const limits = { connectionsPerHost: 1 };
  await using cluster = await chatServers(1, { web: {}, limits, trusted: ["127.0.0.1"] });
  const firstWord = async (host: string) => {
    const { socket } = await HandSocket.upgrade(cluster.webAt(0), { before: headerFor(host) });
    socket.tell({ type: "ping" });
    const { type, code } = (await socket.message()) ?? {};
    return { socket, word: code ?? type };
  };
  const one = await firstWord("192.0.2.1");
  const again = await firstWord("192.0.2.1");
  const two = await firstWord("192.0.2.2");
  await using _one = one.socket;
  await using _again = again.socket;
  await using _two = two.socket;
  assertEquals([one.word, again.word, two.word], ["pong", "rate_limited", "pong"]);
});

test("a PROXY header from somebody who is not trusted is no HTTP, and ends the connection", async () => {
  await using cluster = await chatServers(1, { web: {} });
  await using socket = await HandSocket.connect(cluster.webAt(0));
  socket.connection.write(headerFor("192.0.2.1"));
  const status = await socket.ask({}).catch(() => 0);
  assert(status === 0 || status === 400, `answered ${status}`);
  await socket.closed;
});

test("a client that is logged in nowhere, or silent, is closed as over TCP", async () => {
  await using cluster = await chatServers(1, { web: {}, limits: { loginTimeoutMs: 100, idleMs: 100 } });
  await using guest = await RawClient.open(cluster.webAt(0));
  assertEquals((await guest.next("closing")).reason, "idle");
  await guest.closed;
});

test("a server that is closed sends its clients elsewhere and leaves nothing open", async () => {
  await using cluster = await chatServers(2, { web: {} });
  await using ada = await RawClient.loginWeb(cluster.webAt(0), "ada");
  await using page = await HandSocket.connect(cluster.webAt(0));
  assertEquals(await page.ask({ path: "/health" }), 200);
  const closing = cluster.servers[0]?.close(100);
  assertEquals((await ada.next("closing")).reason, "draining");
  await Promise.all([ada.closed, page.closed, closing]);
  assertEquals(cluster.servers[0]?.connections, 0);
});
