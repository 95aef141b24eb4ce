import { Buffer } from "node:buffer";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { assert, assertEquals } from "@std/assert";
import { formatAddress, nodeDriver, systemDriver } from "../../src/net/mod.ts";
import { refused } from "../balancer/frontend/frontends.ts";
import { eventually, temporaryFolder } from "../helpers.ts";
import { LOOPBACK, Recorder } from "../net/recording.ts";
import { test } from "../testing.ts";
import { backendProcess } from "./backends.ts";
import { getJson, partAddress, startProgram } from "./program.ts";

/** A balancer with one frontend and one pool, both as told. */
async function startBalancer(frontend: object, pool: object) {
  const folder = temporaryFolder();
  const file = join(folder.path, "chorus.json");
  const configuration = {
    frontends: { main: { listen: "127.0.0.1:0", pool: "main", ...frontend } },
    pools: { main: pool },
    admin: { listen: "127.0.0.1:0" },
  };
  writeFileSync(file, JSON.stringify(configuration));
  const program = startProgram(["balance", "--config", file, "--grace", "100ms"]);
  const parts = await program.ready();
  const tcp = partAddress(parts, "tcp");
  return {
    pid: program.pid,
    address: tcp,
    connections: () => getJson(parts.admin, "/api/connections") as Promise<{ connections: unknown[] }>,
    /** The value of one sample of `/metrics`; its labels in any order. */
    async metric(name: string, ...labels: readonly string[]): Promise<number> {
      const response = await fetch(`http://${parts.admin}/metrics`);
      const line = (await response.text())
        .split("\n")
        .find((each) => each.startsWith(`${name}{`) && labels.every((label) => each.includes(label)));
      return Number(line?.split(" ").at(-1) ?? 0);
    },
    async connect(): Promise<{ connection: Awaited<ReturnType<typeof dial>>; recorder: Recorder }> {
      const recorder = new Recorder();
      const connection = await dial(recorder);
      return { connection, recorder };
    },
    async [Symbol.asyncDispose]() {
      await program[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };

  function dial(recorder: Recorder) {
    // The one driver that resets on every runtime.
    return nodeDriver().connect(tcp, recorder);
  }
}

/** The memory that a process has, as the system's `ps` tells. */
function residentBytes(pid: number): number {
  return Number(execFileSync("ps", ["-o", "rss=", "-p", String(pid)], { encoding: "utf8" })) * 1024;
}

test("a slow reader costs the balancer no more than the buffers of its connections, and is counted when it leaves", async () => {
  const megabyte = Buffer.alloc(1 << 20);
  const listener = await systemDriver().listen(LOOPBACK, (client) => {
    const fill = (): void => {
      while (client.write(megabyte));
    };
    queueMicrotask(fill);
    return { data: () => undefined, drain: fill, end: () => client.end(), close: () => undefined };
  });
  await using _listener = listener;
  await using balancer = await startBalancer({}, { backends: [formatAddress(listener.address)] });
  const readers = await Promise.all(Array.from({ length: 20 }, () => balancer.connect()));
  for (const { connection } of readers) connection.pause();
  await eventually(
    "all of them served",
    async () => (await balancer.connections()).connections.length === 20,
  );
  const before = residentBytes(balancer.pid);
  // Those who read a little keep the rest of the way full.
  for (let round = 0; round < 20; round++) {
    for (const { connection } of readers) connection.resume();
    await new Promise((resolve) => setTimeout(resolve, 5));
    for (const { connection } of readers) connection.pause();
  }
  const grown = residentBytes(balancer.pid) - before;
  assert(grown < 96 * (1 << 20), `it grew by ${Math.round(grown / (1 << 20))} MiB`);
  for (const { connection } of readers) connection.abort();
  await eventually(
    "all of them gone",
    async () => (await balancer.metric("chorus_backend_ended_total", 'reason="client_reset"')) === 20,
  );
  assertEquals((await balancer.connections()).connections, []);
});

test("clients who never finish their first line are served without a key once their time is over", async () => {
  await using backend = await backendProcess("a");
  await using balancer = await startBalancer(
    { timeouts: { preread: "300ms" } },
    { policy: "key-hash", key: { from: "json", field: "name" }, backends: [backend.address] },
  );
  const clients = await Promise.all(Array.from({ length: 50 }, () => balancer.connect()));
  for (const { connection } of clients) connection.write(Buffer.from('{"type":'));
  await eventually(
    "all of them served",
    async () => (await balancer.connections()).connections.length === 50,
  );
  for (const { connection } of clients) connection.write(Buffer.from('"x"}\n'));
  await Promise.all(clients.map(({ recorder }) => recorder.received(13)));
  assertEquals(clients[0]?.recorder.text, '{"type":"x"}\n');
  for (const { connection } of clients) connection.abort();
});

test("clients who never send the PROXY header that is asked for are refused when their time is over", async () => {
  await using backend = await backendProcess("a");
  await using balancer = await startBalancer(
    { proxyProtocol: { trusted: ["127.0.0.0/8"] }, timeouts: { preread: "300ms" } },
    { backends: [backend.address] },
  );
  const clients = await Promise.all(Array.from({ length: 20 }, () => balancer.connect()));
  for (const { connection } of clients) connection.write(Buffer.from("PROXY TCP4 "));
  await Promise.all(clients.map(({ recorder }) => recorder.gone));
  for (const { connection } of clients) connection.abort();
  assertEquals(await balancer.metric("chorus_frontend_refused_total", 'reason="proxy_header"'), 20);
  assertEquals(await balancer.metric("chorus_backend_connections_total"), 0);
});

test("a backend that accepts and never answers holds a client no longer than the idle timeout", async () => {
  await using backend = await backendProcess("a");
  await using balancer = await startBalancer(
    { timeouts: { idle: "500ms" } },
    { backends: [backend.address], heartbeat: { kind: "none" } },
  );
  process.kill(backend.pid, "SIGSTOP");
  try {
    const { connection, recorder } = await balancer.connect();
    connection.write(Buffer.from("WHO\n"));
    await recorder.gone;
    connection.abort();
    assertEquals(await balancer.metric("chorus_backend_ended_total", 'reason="idle_timeout"'), 1);
  } finally {
    process.kill(backend.pid, "SIGCONT");
  }
});

test("clients who reset while they wait, or while they are served, are counted as that, and leave nothing behind", async () => {
  await using backend = await backendProcess("a");
  await using balancer = await startBalancer(
    {},
    { backends: [{ address: backend.address, maxConnections: 1 }], queue: { limit: 5, timeout: "10s" } },
  );
  const served = await balancer.connect();
  served.connection.write(Buffer.from("WHO\n"));
  await served.recorder.received(2);
  const waiting = await Promise.all(Array.from({ length: 5 }, () => balancer.connect()));
  await eventually("a queue of five", async () => (await balancer.metric("chorus_pool_queued")) === 5);
  await refused(balancer);
  for (const { connection } of waiting) connection.abort();
  await eventually("an empty queue", async () => (await balancer.metric("chorus_pool_queued")) === 0);
  served.connection.abort();
  await eventually(
    "the one that was served gone",
    async () => (await balancer.metric("chorus_backend_ended_total", 'reason="client_reset"')) === 1,
  );
  assertEquals(
    [
      await balancer.metric("chorus_frontend_refused_total", 'reason="client_left"'),
      await balancer.metric("chorus_frontend_refused_total", 'reason="queue_full"'),
      await balancer.metric("chorus_frontend_connections"),
    ],
    [5, 1, 0],
  );
});

test("clients who reset before they are accepted reach no backend, and are held against none", async () => {
  await using backend = await backendProcess("a");
  await using balancer = await startBalancer(
    {},
    { backends: [backend.address], proxyProtocol: "v2", heartbeat: { kind: "none" } },
  );
  process.kill(balancer.pid, "SIGSTOP");
  try {
    const clients = await Promise.all(Array.from({ length: 20 }, () => balancer.connect()));
    for (const { connection } of clients) connection.abort();
    await Promise.all(clients.map(({ recorder }) => recorder.closed));
  } finally {
    process.kill(balancer.pid, "SIGCONT");
  }
  const last = await balancer.connect();
  await eventually(
    "the last one served",
    async () => (await balancer.connections()).connections.length === 1,
  );
  last.connection.abort();
  assertEquals(
    [
      await balancer.metric("chorus_backend_connect_failures_total"),
      await balancer.metric("chorus_backend_connections_total"),
    ],
    [0, 1],
  );
});
