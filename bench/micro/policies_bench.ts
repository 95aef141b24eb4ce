/**
 * What one client costs a pool, by policy and by number of backends: picked, counted and given back.
 *
 * Processor time, not wall time. Prints a JSON line a sample, then a line a policy with the ratio between the most
 * and the fewest backends; exits with 1 when it is more than 3.
 *
 * @module
 */
import process from "node:process";
import type { Client } from "../../src/balancer/contract.ts";
import { policies } from "../../src/balancer/policy/policies.ts";
import { createPool, type Lease, type Pool } from "../../src/balancer/pool.ts";

const SIZES: readonly number[] = [10, 100, 1000, 10_000];
const ROUNDS = 7;
const CLIENTS = 200_000;
/** Clients that are there at the same time. */
const HELD = 256;
const MOST = 3;

const clients: readonly Client[] = Array.from({ length: 4096 }, (_, i) => ({
  host: `10.${i % 7}.${i >> 8}.${i & 255}`,
  key: `user-${i}`,
}));

function poolOf(policy: keyof typeof policies, size: number): Pool {
  const pool = createPool({ name: "bench", policy });
  for (let i = 0; i < size; i++) {
    const address = { host: `10.9.${i >> 8}.${i & 255}`, port: 7000 };
    pool.beat(pool.add({ address, weight: 1 + (i % 3) }), "answered");
  }
  return pool;
}

/** Sends the clients through the pool, and returns the processor time of one in nanoseconds. */
function measure(pool: Pool): number {
  const held: (Lease | undefined)[] = new Array(HELD).fill(undefined);
  const before = process.cpuUsage();
  for (let i = 0; i < CLIENTS; i++) {
    held[i % HELD]?.[Symbol.dispose]();
    held[i % HELD] = pool.acquire(clients[i % clients.length] ?? { host: "" });
  }
  const { user, system } = process.cpuUsage(before);
  for (const lease of held) lease?.[Symbol.dispose]();
  return ((user + system) * 1000) / CLIENTS;
}

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function median(samples: readonly number[]): number {
  return samples.toSorted((a, b) => a - b)[samples.length >> 1] ?? Number.NaN;
}

function run(policy: keyof typeof policies): number {
  const rows = SIZES.map((backends) => ({
    backends,
    pool: poolOf(policy, backends),
    samples: [] as number[],
  }));
  for (const row of rows) measure(row.pool);
  for (let round = 0; round < ROUNDS; round++) {
    for (const { backends, pool, samples } of rows) {
      const nsPerClient = Math.round(measure(pool));
      samples.push(nsPerClient);
      print({ bench: "policies", policy, backends, round, nsPerClient });
    }
  }
  const medians = rows.map(({ samples }) => median(samples));
  const ratio = Number(((medians.at(-1) ?? 0) / (medians[0] ?? 1)).toFixed(2));
  print({ bench: "policies", policy, backends: SIZES, nsPerClient: medians, ratio });
  return ratio;
}

const ratios = Object.keys(policies).map((policy) => run(policy as keyof typeof policies));
if (ratios.some((ratio) => ratio > MOST)) process.exitCode = 1;
