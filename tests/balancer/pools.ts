import { assert } from "@std/assert";
import type { Backend, BackendSpec } from "../../src/balancer/backend.ts";
import type { Client } from "../../src/balancer/contract.ts";
import { createPool, type Pool, type PoolOptions } from "../../src/balancer/pool.ts";

/** A client; all of these come from one address. */
export const CLIENT: Client = { host: "10.0.0.1" };
/** On which all backends are. */
export const PORT = 7000;

/** A pool of backends `10.9.0.1:7000` and so on that have answered once. */
export function poolOf(specs: readonly Partial<BackendSpec>[], options: Partial<PoolOptions> = {}): Pool {
  const pool = createPool({ name: "default", policy: "round-robin", ...options });
  for (const [i, spec] of specs.entries()) {
    const backend = pool.add({ address: { host: `10.9.0.${i + 1}`, port: PORT }, ...spec });
    pool.beat(backend, "answered");
  }
  return pool;
}

/** Sends heartbeats that are not answered. */
export function miss(pool: Pool, backend: Backend, times: number = 3): void {
  for (let i = 0; i < times; i++) {
    pool.beat(backend, "sent");
    pool.beat(backend, "overdue");
  }
}

/** The backend of that name, which must be there. */
export function at(pool: Pool, name: string): Backend {
  const backend = pool.find(name);
  assert(backend, `no backend ${name}`);
  return backend;
}

/** The names of the backends of `count` clients in a row, which stay. */
export function picks(pool: Pool, count: number): (string | undefined)[] {
  return Array.from({ length: count }, () => pool.acquire(CLIENT)?.backend.name);
}
