import { Buffer } from "node:buffer";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { monitor } from "../../../src/balancer/heartbeat/monitor.ts";
import { createPool } from "../../../src/balancer/pool/pool.ts";
import { type Probe, udpProbe } from "../../../src/balancer/probe/mod.ts";
import {
  bindDatagram,
  type DatagramSocket,
  NetError,
  openHandles,
  type TcpAddress,
} from "../../../src/net/mod.ts";
import { RUNTIME, test } from "../../testing.ts";
import { reaches } from "../pool/pools.ts";

const { signal: never } = new AbortController();

/** A UDP server that answers each datagram with those that `answer` makes of it. */
async function server(answer: (said: string) => readonly string[]): Promise<DatagramSocket> {
  const socket: DatagramSocket = await bindDatagram(
    { host: "127.0.0.1", port: 0 },
    {
      message(payload, from) {
        for (const text of answer(Buffer.from(payload).toString())) socket.send(Buffer.from(text), from);
      },
    },
  );
  return socket;
}

function probeOnce(probe: Probe, address: TcpAddress, timeoutMs = 5000, signal = never) {
  const backend = createPool({ name: "default", policy: "round-robin" }).add({ address });
  return probe(backend, { signal, timeoutMs });
}

test("udpProbe() sends its text as one datagram and takes any datagram for an answer", async () => {
  const said: string[] = [];
  await using echo = await server((text) => {
    said.push(text);
    return [""];
  });
  assertEquals(await probeOnce(udpProbe({ send: "hello\n" }), echo.address), {});
  assertEquals(said, ["hello\n"]);
});

test("udpProbe() waits for a datagram that holds what is expected, and leaves no socket open", async () => {
  await using chatty = await server(() => ["no", "not yet", "it is a PONG"]);
  const before = openHandles();
  assertEquals(await probeOnce(udpProbe({ send: "?", expect: "PONG" }), chatty.address), {});
  assertEquals(openHandles(), before);
});

test("udpProbe() rejects when only other answers come, after twice the time of a probe", async () => {
  await using wrong = await server(() => ["-ERR"]);
  const probe = udpProbe({ send: "PING", expect: "+PONG" });
  const started = performance.now();
  await assertRejects(() => probeOnce(probe, wrong.address, 50), Error);
  assert(performance.now() - started >= 95);
});

test("udpProbe() rejects with the reason of its signal, before and while it waits", async () => {
  await using silent = await server(() => []);
  const probe = udpProbe({ send: "?" });
  const controller = new AbortController();
  const probing = probeOnce(probe, silent.address, 5000, controller.signal);
  controller.abort(new RangeError("enough"));
  await assertRejects(() => probing, RangeError, "enough");
  await assertRejects(() => probeOnce(probe, silent.address, 5000, controller.signal), RangeError, "enough");
});

test("udpProbe() is refused at once where nobody listens", {
  skip: RUNTIME === "deno" ? "Deno does not tell of what the network refuses" : undefined,
}, async () => {
  const gone = await server(() => []);
  await gone.close();
  const error = await assertRejects(() => probeOnce(udpProbe({ send: "?" }), gone.address), NetError);
  assertEquals(error.code, "refused");
});

test("udpProbe() says that it cannot ask a unix socket", async () => {
  const backend = createPool({ name: "default", policy: "round-robin" }).add({ address: { path: "/run/x" } });
  const asked = udpProbe({ send: "?" })(backend, { signal: never, timeoutMs: 100 });
  await assertRejects(() => asked, NetError, "by udp: it is a unix socket");
});

test("a monitor with udpProbe brings a server up, down when it is silent, and up again when it answers", async () => {
  let isSilent = false;
  await using echo = await server((text) => (isSilent ? [] : [text]));
  const heartbeat = { intervalMs: 50, downIntervalMs: 50, timeoutMs: 100 };
  const pool = createPool({ name: "udp", policy: "round-robin", heartbeat });
  await using _monitor = monitor({ pool, probe: udpProbe({ send: "ping", expect: "ping" }) });
  pool.add({ address: echo.address });
  await reaches(pool, "up");
  isSilent = true;
  await reaches(pool, "down");
  isSilent = false;
  await reaches(pool, "up");
});
