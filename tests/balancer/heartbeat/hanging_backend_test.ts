import process from "node:process";
import { assert, assertEquals } from "@std/assert";
import { type Monitor, monitor } from "../../../src/balancer/heartbeat/monitor.ts";
import { createPool, type Pool } from "../../../src/balancer/pool/pool.ts";
import {
  chatProbe,
  httpProbe,
  type Probe,
  sendExpectProbe,
  tcpProbe,
} from "../../../src/balancer/probe/mod.ts";
import { type Address, systemDriver } from "../../../src/net/mod.ts";
import { backendProcess } from "../../cli/backends.ts";
import { toAddress } from "../../helpers.ts";
import { test } from "../../testing.ts";
import { reaches } from "../pool/pools.ts";

const driver = systemDriver();

/** The kinds of heartbeat that expect words in answer. */
const ASKING: Readonly<Record<string, Probe>> = {
  chat: chatProbe(driver),
  http: httpProbe(driver),
  "send-expect": sendExpectProbe(driver, { send: "PING\n", expect: "+PONG" }),
};

/** One backend under heartbeats of every kind, a pool each. */
interface Watched extends AsyncDisposable {
  readonly tcp: Pool;
  readonly asking: readonly Pool[];
}

function watch(address: Address): Watched {
  const heartbeat = { intervalMs: 100, downIntervalMs: 100, timeoutMs: 300 };
  const monitors: Monitor[] = [];
  const watchBy = (name: string, probe: Probe): Pool => {
    const pool = createPool({ name, policy: "round-robin", heartbeat });
    monitors.push(monitor({ pool, probe }));
    pool.add({ name, address });
    return pool;
  };
  const asking = Object.entries(ASKING).map(([name, probe]) => watchBy(name, probe));
  return {
    tcp: watchBy("tcp", tcpProbe(driver)),
    asking,
    async [Symbol.asyncDispose]() {
      await Promise.all(monitors.map((one) => one.close()));
    },
  };
}

function missesOf(pool: Pool): number {
  return pool.find(pool.name)?.counters.misses ?? 0;
}

test("chat, http and send-expect heartbeats find a process that is stopped after three misses, and that it goes on; tcp cannot tell", async () => {
  await using backend = await backendProcess("frozen");
  await using watched = watch(toAddress(backend.address));
  await Promise.all([watched.tcp, ...watched.asking].map((pool) => reaches(pool, "up")));
  const before = watched.asking.map(missesOf);
  process.kill(backend.pid, "SIGSTOP");
  await Promise.all(watched.asking.map((pool) => reaches(pool, "down")));
  for (const [index, pool] of watched.asking.entries()) {
    assert(missesOf(pool) >= (before[index] ?? 0) + 3, `${pool.name}: ${missesOf(pool)} missed`);
    assertEquals(pool.acquire({ host: "10.0.0.1" }), undefined);
  }
  assert(watched.tcp.acquire({ host: "10.0.0.1" }));
  process.kill(backend.pid, "SIGCONT");
  await Promise.all(watched.asking.map((pool) => reaches(pool, "up")));
});

test("chat, http and send-expect heartbeats find a backend that accepts and never answers, and tcp does not", async () => {
  await using mute = await driver.listen({ host: "127.0.0.1", port: 0 }, (connection) => ({
    data: () => undefined,
    end: () => connection.end(),
    close: () => undefined,
  }));
  await using watched = watch(mute.address);
  await Promise.all([...watched.asking.map((pool) => reaches(pool, "down")), reaches(watched.tcp, "up")]);
  assertEquals(
    watched.asking.map(({ capacity }) => capacity),
    [0, 0, 0],
  );
});
