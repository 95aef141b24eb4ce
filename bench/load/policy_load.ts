/**
 * What one client costs a pool under a policy, by number of backends. Run as a process of its own, with a {@linkcode PolicyWork} as JSON in
 * its first argument. Prints nanoseconds of processor time as JSON, by load and number of backends, such as `open 10`.
 *
 * - `open`: picked, counted and given back, where there is room.
 * - `full`: the same where every backend is full: the client waits in the queue until another one gives its place back.
 *
 * Processor time, not wall time, and of several turns the fastest one: what else runs here can only add to it.
 *
 * @module
 */
import process from "node:process";
import type { Client } from "../../src/balancer/contract.ts";
import { createPool, type Lease, type Pool } from "../../src/balancer/pool/pool.ts";
import { POLICY_SIZES, type PolicyWork } from "./contract.ts";

type Load = "open" | "full";

const { policy, clients: CLIENTS, turns: TURNS } = JSON.parse(process.argv[2] ?? "") as PolicyWork;
/** Fewer, as each of them waits. */
const QUEUED_CLIENTS = CLIENTS / 10;
/** Clients that are there at the same time, and that wait at the same time. */
const HELD = 256;
const WAITING = 8;

const clients: readonly Client[] = Array.from({ length: 4096 }, (_, i) => ({
  host: `10.${i % 7}.${i >> 8}.${i & 255}`,
  key: `user-${i}`,
}));
const { signal } = new AbortController();

function client(index: number): Client {
  return clients[index % clients.length] ?? { host: "" };
}

function poolOf(size: number, load: Load): Pool {
  const pool = createPool({ name: "bench", policy });
  for (let i = 0; i < size; i++) {
    const address = { host: `10.9.${i >> 8}.${i & 255}`, port: 7000 };
    const limit = load === "full" ? { maxConnections: 1 } : {};
    pool.beat(pool.add({ address, weight: 1 + (i % 3), ...limit }), "answered");
  }
  return pool;
}

/** Sends clients through a pool that has room. */
function sendOpen(pool: Pool): void {
  const held: (Lease | undefined)[] = new Array(HELD).fill(undefined);
  for (let i = 0; i < CLIENTS; i++) {
    held[i % HELD]?.[Symbol.dispose]();
    held[i % HELD] = pool.acquire(client(i));
  }
  for (const lease of held) lease?.[Symbol.dispose]();
}

/** Sends clients through a pool whose backends `held` has filled: each waits until an older one leaves. */
async function sendFull(pool: Pool, held: Lease[]): Promise<void> {
  for (let done = 0; done < QUEUED_CLIENTS; done += WAITING) {
    const waiting = Array.from({ length: WAITING }, (_, i) => pool.wait(client(done + i), { signal }));
    for (let i = 0; i < WAITING; i++) held[(done + i) % held.length]?.[Symbol.dispose]();
    for (const [i, lease] of (await Promise.all(waiting)).entries()) {
      if (typeof lease !== "object") throw new Error(`not served: ${lease}`);
      held[(done + i) % held.length] = lease;
    }
  }
}

/** The processor time of one client in nanoseconds. */
async function measure(pool: Pool, load: Load): Promise<number> {
  const held = load === "full" ? [...fill(pool)] : [];
  const before = process.cpuUsage();
  if (load === "full") await sendFull(pool, held);
  else sendOpen(pool);
  const { user, system } = process.cpuUsage(before);
  for (const lease of held) lease[Symbol.dispose]();
  return ((user + system) * 1000) / (load === "full" ? QUEUED_CLIENTS : CLIENTS);
}

function* fill(pool: Pool): Generator<Lease> {
  for (let i = 0; ; i++) {
    const lease = pool.acquire(client(i));
    if (!lease) return;
    yield lease;
  }
}

/** The fastest turn of each size, which take turns. */
async function run(load: Load): Promise<readonly (readonly [string, number])[]> {
  const rows = POLICY_SIZES.map((backends) => ({ backends, pool: poolOf(backends, load), ns: Infinity }));
  for (const { pool } of rows) await measure(pool, load);
  for (let turn = 0; turn < TURNS; turn++)
    for (const row of rows) row.ns = Math.min(row.ns, await measure(row.pool, load));
  return rows.map(({ backends, ns }) => [`${load} ${backends}`, ns]);
}

const measured = Object.fromEntries([...(await run("open")), ...(await run("full"))]);
process.stdout.write(`${JSON.stringify(measured)}\n`);
