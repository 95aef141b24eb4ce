import { Buffer } from "node:buffer";
import { assertEquals, assertRejects } from "@std/assert";
import type { Backend } from "../../../src/balancer/pool/backend.ts";
import { createPool } from "../../../src/balancer/pool/pool.ts";
import { chatProbe, httpProbe, type Probe, sendExpectProbe } from "../../../src/balancer/probe/mod.ts";
import { type Connection, type Listener, systemDriver } from "../../../src/net/mod.ts";
import { test } from "../../testing.ts";

const driver = systemDriver();
const { signal: never } = new AbortController();

/** A server that answers each chunk with what `answer` makes of it. */
function server(
  answer: (said: string, connection: Connection) => void,
  onAccept?: () => void,
): Promise<Listener> {
  return driver.listen({ host: "127.0.0.1", port: 0 }, (connection) => {
    onAccept?.();
    return {
      data: (_, chunk) => answer(Buffer.from(chunk).toString(), connection),
      end: () => connection.end(),
      close: () => undefined,
    };
  });
}

function backendAt({ address }: Listener): Backend {
  return createPool({ name: "default", policy: "round-robin" }).add({ address });
}

/** Probes once, waiting for at most twice this time. */
function probeOnce(probe: Probe, listener: Listener, timeoutMs = 5000, signal = never) {
  return probe(backendAt(listener), { signal, timeoutMs });
}

const say = (text: string) => (_: string, connection: Connection) => void connection.write(Buffer.from(text));

test("httpProbe() takes any status from 200 to 399 for an answer, or those it is told", async () => {
  await using ok = await server(say("HTTP/1.1 204 No Content\r\n\r\n"));
  await using moved = await server(say("HTTP/1.0 301\r\n\r\n"));
  await using failing = await server(say("HTTP/1.1 503 Service Unavailable\r\n\r\n"));
  assertEquals(await probeOnce(httpProbe(driver), ok), {});
  assertEquals(await probeOnce(httpProbe(driver), moved), {});
  await assertRejects(() => probeOnce(httpProbe(driver), failing), Error, "the answer has status 503");
  assertEquals(await probeOnce(httpProbe(driver, { statuses: [503] }), failing), {});
});

test("httpProbe() asks for the path and the host it is told, and ends the connection", async () => {
  const said: string[] = [];
  await using web = await server((text, connection) => {
    said.push(text);
    say("HTTP/1.1 200 OK\r\n\r\n")(text, connection);
  });
  await probeOnce(httpProbe(driver, { path: "/ready?full=1", host: "example.org" }), web);
  assertEquals(said, [
    "GET /ready?full=1 HTTP/1.1\r\nHost: example.org\r\nUser-Agent: chorus\r\nConnection: close\r\n\r\n",
  ]);
});

test("httpProbe() reads an answer that comes byte by byte", async () => {
  const drip = async (connection: Connection): Promise<void> => {
    for (const byte of Buffer.from("HTTP/1.1 200 OK\r\n")) {
      connection.write(Buffer.of(byte));
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  };
  await using web = await server((_, connection) => void drip(connection));
  assertEquals(await probeOnce(httpProbe(driver), web), {});
});

test("httpProbe() refuses what is not HTTP", async () => {
  await using other = await server(say("SSH-2.0-OpenSSH_9\r\n"));
  await assertRejects(() => probeOnce(httpProbe(driver), other), Error, "not HTTP/1");
});

test("sendExpectProbe() sends its text and waits until the answer holds the other", async () => {
  await using redis = await server((said, connection) =>
    say(said === "PING\r\n" ? "+PO" : "-ERR\r\n")(said, connection),
  );
  await using split = await server((_, connection) => {
    connection.write(Buffer.from("+PO"));
    connection.write(Buffer.from("NG\r\n"));
  });
  const probe = sendExpectProbe(driver, { send: "PING\r\n", expect: "+PONG" });
  assertEquals(await probeOnce(probe, split), {});
  await assertRejects(() => probeOnce(probe, redis, 50), Error);
});

test("sendExpectProbe() gives up on an answer of more than 16 KiB", async () => {
  await using endless = await server((_, connection) => void connection.write(Buffer.alloc(20_000, "x")));
  const probe = sendExpectProbe(driver, { send: "?", expect: "never" });
  await assertRejects(() => probeOnce(probe, endless), Error, "more than 16384 bytes");
});

const silent = {
  http: httpProbe(driver),
  "send-expect": sendExpectProbe(driver, { expect: "x" }),
  chat: chatProbe(driver),
};

for (const [kind, probe] of Object.entries(silent)) {
  test(`the ${kind} probe finds a backend that accepts and never answers`, async () => {
    await using mute = await server(() => undefined);
    const controller = new AbortController();
    const probing = probeOnce(probe, mute, 5000, controller.signal);
    let isSettled = false;
    void probing.then(
      () => {
        isSettled = true;
      },
      () => undefined,
    );
    await probeOnce(httpProbe(driver), mute, 25).catch(() => undefined);
    assertEquals(isSettled, false);
    controller.abort(new RangeError("enough"));
    await assertRejects(() => probing, RangeError, "enough");
  });
}

const PONG = '{"type":"pong","server":"s1","connections":7,"capacity":20000,"draining":false}\n';

test("chatProbe() keeps one connection for many pings and tells what the pong says", async () => {
  let accepted = 0;
  await using chat = await server(say(PONG), () => {
    accepted += 1;
  });
  const probe = chatProbe(driver);
  const backend = backendAt(chat);
  const controller = new AbortController();
  for (let index = 0; index < 3; index++) {
    const answer = await probe(backend, { signal: controller.signal, timeoutMs: 5000 });
    assertEquals(answer, { connections: 7, capacity: 20_000, isDraining: false });
  }
  assertEquals(accepted, 1);
  controller.abort();
});

test("chatProbe() connects anew after its connection was lost", async () => {
  const connections: Connection[] = [];
  await using chat = await server((said, connection) => {
    connections.push(connection);
    say(PONG)(said, connection);
  });
  const probe = chatProbe(driver);
  const backend = backendAt(chat);
  const controller = new AbortController();
  const options = { signal: controller.signal, timeoutMs: 5000 };
  await probe(backend, options);
  connections[0]?.abort();
  await probe(backend, options).catch(() => probe(backend, options));
  assertEquals(connections.length, 2);
  controller.abort();
});

test("chatProbe() gives a connection up on which no answer comes, and asks on another one", async () => {
  let accepted = 0;
  await using chat = await server(
    (said, connection) => {
      if (accepted > 1) say(PONG)(said, connection);
    },
    () => {
      accepted += 1;
    },
  );
  const probe = chatProbe(driver);
  const backend = backendAt(chat);
  const controller = new AbortController();
  await assertRejects(() => probe(backend, { signal: controller.signal, timeoutMs: 20 }), Error);
  const answer = await probe(backend, { signal: controller.signal, timeoutMs: 5000 });
  assertEquals([accepted, answer.capacity], [2, 20_000]);
  controller.abort();
});
