import type { Backend } from "../pool/backend.ts";
import type { Pool } from "../pool/pool.ts";
import type { BackendNews, BackendNotice } from "./contract.ts";

/** Keeps the pools of a worker as those of its balancer are. */
export class Mirror {
  readonly #pools = new Map<number, Pool>();
  /** Whose pool drains: it may be told before the pool is made. */
  readonly #draining = new Set<number>();
  /** What was last heard of those that are there. */
  readonly #notices = new Map<number, BackendNotice>();
  /** All that there are, and those that have left and still have connections. */
  readonly #backends = new Map<number, Backend>();
  readonly #homes = new WeakMap<Backend, Pool>();
  /** Connections that others have to those that are there: they may be told before the pool is made. */
  readonly #elsewhere = new Map<number, number>();
  readonly #onGone: (backend: Backend, pool: Pool) => void;

  /** @param onGone Told of a backend that has left its pool and has connections here. */
  constructor(onGone: (backend: Backend, pool: Pool) => void) {
    this.#onGone = onGone;
  }

  /** All backends, by their numbers. */
  get backends(): ReadonlyMap<number, Backend> {
    return this.#backends;
  }

  get pools(): ReadonlyMap<number, Pool> {
    return this.#pools;
  }

  /** A pool was made; it gets its backends. */
  adopt(id: number, pool: Pool): void {
    this.#pools.set(id, pool);
    if (this.#draining.has(id)) pool.drain();
    for (const notice of this.#notices.values()) if (notice.pool === id) this.#place(pool, notice);
  }

  /** Takes what is new. */
  take({ pools, backends, removed }: BackendNews): void {
    for (const { id, isDraining } of pools) this.#drain(id, isDraining);
    for (const id of removed) this.#remove(id);
    for (const notice of backends) {
      this.#notices.set(notice.id, notice);
      const pool = this.#pools.get(notice.pool);
      if (pool) this.#place(pool, notice);
    }
  }

  /** Others have so many connections to a backend. */
  count(id: number, elsewhere: number): void {
    if (this.#notices.has(id)) this.#elsewhere.set(id, elsewhere);
    const backend = this.#backends.get(id);
    if (backend) this.#homes.get(backend)?.countElsewhere(backend, elsewhere);
  }

  find(id: number): Backend | undefined {
    return this.#backends.get(id);
  }

  /** Nothing more will be told of one that has left. */
  forget(id: number): void {
    if (!this.#notices.has(id)) this.#backends.delete(id);
  }

  #drain(id: number, isDraining: boolean): void {
    if (isDraining) this.#draining.add(id);
    else this.#draining.delete(id);
    if (isDraining) this.#pools.get(id)?.drain();
    else this.#pools.get(id)?.undrain();
  }

  #remove(id: number): void {
    const backend = this.#backends.get(id);
    this.#notices.delete(id);
    this.#elsewhere.delete(id);
    const pool = backend && this.#homes.get(backend);
    if (!pool || pool.find(backend.name) !== backend) return;
    pool.remove(backend.name);
    if (backend.active > backend.elsewhere) this.#onGone(backend, pool);
  }

  #place(pool: Pool, { id, name, address, seen }: BackendNotice): void {
    let backend = this.#backends.get(id);
    if (!backend || pool.find(name) !== backend) {
      const { weight, admin, maxConnections, backup, source } = seen.change;
      backend = pool.add({ name, address, weight, admin, maxConnections, backup, source });
      this.#backends.set(id, backend);
      this.#homes.set(backend, pool);
      const elsewhere = this.#elsewhere.get(id) ?? 0;
      if (elsewhere > 0) pool.countElsewhere(backend, elsewhere);
    }
    pool.reflect(backend, seen);
  }
}
