/**
 * What one client costs a pool, by policy and by number of backends.
 *
 * - `open`: picked, counted and given back, where there is room.
 * - `full`: the same where every backend is full: the client waits in the queue until another one gives its place back.
 *
 * Processor time, not wall time, and of the rounds the fastest one: what else runs here can only add to it. Prints a JSON line a
 * sample, then a line a policy with the ratio between the most and the fewest backends; exits with 1 when it is more than 3.
 *
 * @module
 */
import process from "node:process";
import type { Client } from "../../src/balancer/contract.ts";
import { policies } from "../../src/balancer/policy/policies.ts";
import { createPool, type Lease, type Pool } from "../../src/balancer/pool/pool.ts";

type Name = keyof typeof policies;
type Load = "open" | "full";

const SIZES: readonly number[] = [10, 100, 1000, 10_000];
const ROUNDS = 7;
const CLIENTS = 200_000;
/** Fewer, as each of them waits. */
const QUEUED_CLIENTS = 20_000;
/** Clients that are there at the same time, and that wait at the same time. */
const HELD = 256;
const WAITING = 8;
const MOST = 3;

const clients: readonly Client[] = Array.from({ length: 4096 }, (_, i) => ({
  host: `10.${i % 7}.${i >> 8}.${i & 255}`,
  key: `user-${i}`,
}));
const { signal } = new AbortController();

function client(index: number): Client {
  return clients[index % clients.length] ?? { host: "" };
}

function poolOf(policy: Name, size: number, load: Load): Pool {
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

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

async function run(policy: Name, load: Load): Promise<number> {
  const rows = SIZES.map((backends) => ({
    backends,
    pool: poolOf(policy, backends, load),
    samples: [] as number[],
  }));
  for (const { pool } of rows) await measure(pool, load);
  for (let round = 0; round < ROUNDS; round++) {
    for (const { backends, pool, samples } of rows) {
      const nsPerClient = Math.round(await measure(pool, load));
      samples.push(nsPerClient);
      print({ bench: "policies", policy, load, backends, round, nsPerClient });
    }
  }
  const fastest = rows.map(({ samples }) => Math.min(...samples));
  const ratio = Number(((fastest.at(-1) ?? 0) / (fastest[0] ?? 1)).toFixed(2));
  print({ bench: "policies", policy, load, backends: SIZES, nsPerClient: fastest, ratio });
  return ratio;
}

for (const load of ["open", "full"] as const)
  for (const policy of Object.keys(policies) as Name[])
    if ((await run(policy, load)) > MOST) process.exitCode = 1;
