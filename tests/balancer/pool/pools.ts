import { assert } from "@std/assert";
import { withDeadline } from "../../../src/async/mod.ts";
import type { BackendState, Client } from "../../../src/balancer/contract.ts";
import type { Backend, BackendSpec } from "../../../src/balancer/pool/backend.ts";
import { createPool, type Pool, type PoolOptions } from "../../../src/balancer/pool/pool.ts";
import { DEADLINE_MS } from "../../helpers.ts";

/** A client; all of these come from one address. */
export const CLIENT: Client = { host: "10.0.0.1" };
/** On which all backends are. */
export const PORT = 7000;

/** A pool of backends `10.9.0.1:7000` and so on that have answered once. */
export function poolOf(specs: readonly Partial<BackendSpec>[], options: Partial<PoolOptions> = {}): Pool {
  const pool = createPool({ name: "default", policy: "round-robin", ...options });
  const add = (spec: Partial<BackendSpec>, i: number): Backend =>
    pool.add({ address: { host: `10.9.0.${i + 1}`, port: PORT }, ...spec });
  // All are there before the first one is up: none has joined later.
  for (const backend of specs.map(add)) pool.beat(backend, "answered");
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

/** Resolves when a backend of `pool` is in `state`. */
export async function reaches(pool: Pool, state: BackendState): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  using _watch = pool.watch({
    onAdd: (backend) => backend.state() === state && resolve(),
    onState: (_backend, _from, to) => to === state && resolve(),
  });
  await withDeadline(promise, DEADLINE_MS, `see a backend of ${pool.name} ${state}`);
}
