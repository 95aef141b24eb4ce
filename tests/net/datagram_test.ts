import { Buffer } from "node:buffer";
import { setImmediate as nextTurn } from "node:timers/promises";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { withDeadline } from "../../src/async/mod.ts";
import {
  bindDatagram,
  connectDatagram,
  type DatagramHandler,
  type DatagramSocket,
  MAX_WAITING_BYTES,
  NetError,
  openHandles,
  type TcpAddress,
} from "../../src/net/mod.ts";
import { RUNTIME, test } from "../testing.ts";
import { DEADLINE_MS, patternAt } from "./recording.ts";

const LOOPBACK = { host: "127.0.0.1", port: 0 };

/** Records what happens to one socket. */
class Heard implements DatagramHandler {
  readonly texts: string[] = [];
  readonly payloads: Uint8Array[] = [];
  readonly from: TcpAddress[] = [];
  readonly codes: string[] = [];
  readonly #waiting = new Set<() => void>();

  message(payload: Uint8Array, from: TcpAddress): void {
    this.payloads.push(payload);
    this.texts.push(Buffer.from(payload).toString());
    this.from.push(from);
    for (const check of this.#waiting) check();
  }

  error(error: NetError): void {
    this.codes.push(error.code);
    for (const check of this.#waiting) check();
  }

  /** Resolves when this many datagrams came. */
  async messages(count: number): Promise<string[]> {
    await this.#until(() => this.texts.length >= count, `${count} datagrams`);
    return this.texts;
  }

  /** Resolves when an error came. */
  async failure(): Promise<string | undefined> {
    await this.#until(() => this.codes.length > 0, "an error");
    return this.codes[0];
  }

  async #until(isDone: () => boolean, what: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const check = (): void => {
      if (isDone()) resolve();
    };
    this.#waiting.add(check);
    check();
    await withDeadline(promise, DEADLINE_MS, `see ${what}`);
  }
}

interface Side {
  readonly socket: DatagramSocket;
  readonly heard: Heard;
}

async function bound(address: TcpAddress = LOOPBACK): Promise<Side & AsyncDisposable> {
  const heard = new Heard();
  const socket = await bindDatagram(address, heard);
  return { socket, heard, [Symbol.asyncDispose]: () => socket.close() };
}

async function connected(address: TcpAddress): Promise<Side & AsyncDisposable> {
  const heard = new Heard();
  const socket = await connectDatagram(address, heard);
  return { socket, heard, [Symbol.asyncDispose]: () => socket.close() };
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

for (const host of ["127.0.0.1", "::1"]) {
  test(`UDP: a bound and a connected socket talk, and know each other's address (${host})`, async () => {
    await using server = await bound({ host, port: 0 });
    await using client = await connected(server.socket.address);
    client.socket.send(bytes("question"));
    assertEquals(await server.heard.messages(1), ["question"]);
    const [from] = server.heard.from;
    assert(from);
    server.socket.send(bytes("answer"), from);
    assertEquals(await client.heard.messages(1), ["answer"]);
    assertEquals(
      [from.host, from.port, client.heard.from],
      [host, client.socket.address.port, [server.socket.address]],
    );
  });
}

test("UDP: a socket of all IPv6 interfaces hears and answers IPv4", async () => {
  await using server = await bound({ host: "::", port: 0 });
  await using client = await bound();
  const to = { host: "127.0.0.1", port: server.socket.address.port };
  client.socket.send(bytes("question"), to);
  await server.heard.messages(1);
  assertEquals(server.heard.from, [{ host: "::ffff:127.0.0.1", port: client.socket.address.port }]);
  server.socket.send(bytes("by its IPv6 form"), {
    host: "::ffff:127.0.0.1",
    port: client.socket.address.port,
  });
  server.socket.send(bytes("by its own"), client.socket.address);
  assertEquals(await client.heard.messages(2), ["by its IPv6 form", "by its own"]);
  assertEquals(client.heard.from, [to, to]);
});

test("UDP: a connected socket hears its peer alone", async () => {
  await using server = await bound();
  await using stranger = await bound();
  await using client = await connected(server.socket.address);
  const to = { host: "127.0.0.1", port: client.socket.address.port };
  stranger.socket.send(bytes("stranger"), to);
  await nextTurn();
  server.socket.send(bytes("first"), to);
  await client.heard.messages(1);
  stranger.socket.send(bytes("stranger"), to);
  await nextTurn();
  server.socket.send(bytes("second"), to);
  assertEquals(await client.heard.messages(2), ["first", "second"]);
});

test("UDP: an empty datagram and one of 65,507 bytes arrive whole, a larger one is too_large, and the socket goes on", async () => {
  await using server = await bound();
  await using client = await bound();
  client.socket.send(new Uint8Array(0), server.socket.address);
  await server.heard.messages(1);
  client.socket.send(patternAt(0, 65_507), server.socket.address);
  await server.heard.messages(2);
  client.socket.send(patternAt(0, 65_508), server.socket.address);
  assertEquals(await client.heard.failure(), "too_large");
  client.socket.send(bytes("after"), server.socket.address);
  await server.heard.messages(3);
  assertEquals(
    server.heard.payloads.map(({ length }) => length),
    [0, 65_507, 5],
  );
  assertEquals(Buffer.compare(server.heard.payloads[1] ?? new Uint8Array(0), patternAt(0, 65_507)), 0);
  assertEquals(client.heard.codes, ["too_large"]);
});

test("UDP: datagrams of one turn keep their order, and their bytes stay as they are", async () => {
  await using server = await bound();
  await using client = await bound();
  const sent = Array.from({ length: 100 }, (_, index) => `${index}`.repeat(20));
  for (const text of sent) client.socket.send(bytes(text), server.socket.address);
  await server.heard.messages(100);
  assertEquals(server.heard.texts, sent);
  assertEquals(
    server.heard.payloads.map((payload) => Buffer.from(payload).toString()),
    sent,
  );
});

test("UDP: what does not fit into the queue is dropped and counted, and what does is sent", async () => {
  await using server = await bound();
  await using client = await bound();
  const payload = new Uint8Array(1023);
  const room = MAX_WAITING_BYTES / (payload.length + 1);
  for (let index = 0; index < room + 10; index++) client.socket.send(payload, server.socket.address);
  assertEquals(client.socket.dropped, 10);
  await server.heard.messages(1);
  assertEquals(client.heard.codes, []);
});

const TELLS_NOT = "node:dgram on Deno says nothing of what the system hears by ICMP";

test("UDP: a connected socket is told that nobody is there, and goes on", {
  skip: RUNTIME === "deno" ? TELLS_NOT : undefined,
}, async () => {
  const server = await bound();
  await using client = await connected(server.socket.address);
  await server.socket.close();
  client.socket.send(bytes("anybody?"));
  assertEquals(await client.heard.failure(), "refused");
  const heard = new Heard();
  const again = await bindDatagram(server.socket.address, heard);
  client.socket.send(bytes("and now?"));
  client.socket.send(bytes("and now?"));
  await heard.messages(1);
  await again.close();
});

test("UDP: Deno still says nothing of a peer that is not there (or the gap can go)", {
  skip: RUNTIME === "deno" ? undefined : "the gap is Deno's",
}, async () => {
  const server = await bound();
  await using client = await connected(server.socket.address);
  await server.socket.close();
  await using other = await bound();
  for (let round = 1; round <= 20; round++) {
    client.socket.send(bytes("anybody?"));
    // There and back on the same interface: what the system has to say has been said.
    other.socket.send(bytes("round"), other.socket.address);
    await other.heard.messages(round);
  }
  assertEquals(client.heard.codes, []);
});

test("UDP: binding says what is wrong", async () => {
  await using server = await bound();
  const codes = await Promise.all(
    [server.socket.address, { host: "192.0.2.1", port: 0 }, { host: "nobody.invalid", port: 0 }].map(
      (address) =>
        bindDatagram(address, new Heard()).then(
          () => "bound",
          (error: NetError) => error.code,
        ),
    ),
  );
  assertEquals(codes, ["in_use", "not_available", "not_found"]);
  await assertRejects(
    () => connectDatagram({ host: "nobody.invalid", port: 1 }, new Heard()),
    NetError,
    "not_found",
  );
  await assertRejects(() => bindDatagram({ host: "127.0.0.1", port: 70_000 }, new Heard()), RangeError);
});

test("UDP: after close() nothing is sent or heard, however often it is closed", async () => {
  const before = openHandles();
  await using server = await bound();
  const client = await bound();
  assertEquals(openHandles(), before + 2);
  server.socket.send(bytes("on its way"), client.socket.address);
  const closing = client.socket.close();
  assert(client.socket.close() === closing);
  client.socket.send(bytes("too late"), server.socket.address);
  await closing;
  client.socket.send(bytes("much too late"), server.socket.address);
  await using other = await bound();
  other.socket.send(bytes("in time"), server.socket.address);
  assertEquals(await server.heard.messages(1), ["in time"]);
  assertEquals([client.heard.texts, client.socket.dropped], [[], 0]);
});

test("UDP: the receive buffer holds as much as is asked for", {
  skip: RUNTIME === "deno" ? "sending and receiving take turns there, so that no buffer fills" : undefined,
}, async () => {
  const counts: number[] = [];
  for (const receiveBufferBytes of [4096, 200_000]) {
    const heard = new Heard();
    const server = await bindDatagram(LOOPBACK, heard, { receiveBufferBytes });
    await using client = await bound();
    for (let index = 0; index < 60; index++) client.socket.send(new Uint8Array(1000), server.address);
    await heard.messages(1);
    for (let turn = 0; turn < 50; turn++) await nextTurn();
    counts.push(heard.texts.length);
    await server.close();
  }
  const [few = 60, many = 0] = counts;
  assert(few < 30 && many === 60, `${few} with a small buffer, ${many} with a large one`);
});
