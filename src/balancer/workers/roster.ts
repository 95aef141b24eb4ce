import type { Backend } from "../pool/backend.ts";
import type { Pool } from "../pool/pool.ts";
import type { BackendNews, BackendNotice } from "./contract.ts";

/** A backend and its pool. */
export interface Enrolled {
  readonly backend: Backend;
  readonly pool: Pool;
  readonly poolId: number;
}

interface FollowedPool {
  readonly pool: Pool;
  readonly watch: Disposable;
  wasDraining: boolean;
}

/** Gives pools and backends numbers, and knows what workers have not been told of them yet. */
export class Roster implements Disposable {
  readonly #pools = new Map<number, FollowedPool>();
  readonly #backends = new Map<number, Enrolled>();
  readonly #ids = new WeakMap<Backend, number>();
  readonly #changed = new Set<number>();
  readonly #removed = new Set<number>();
  #lastId = 0;

  /** Follows a pool that has just been made. Of those of one name the newest counts. */
  follow(pool: Pool): void {
    this.#lastId += 1;
    const poolId = this.#lastId;
    const watch = pool.watch({
      onAdd: (backend) => this.#enroll({ backend, pool, poolId }),
      onRemove: (backend) => this.#remove(backend),
      onChange: (backend) => this.#note(backend),
    });
    this.#pools.set(poolId, { pool, watch, wasDraining: pool.isDraining });
  }

  /** The numbers of the pools of these names, as they are now; of others nothing more is wanted once they are empty. */
  poolIds(names: ReadonlySet<string>): Map<string, number> {
    const ids = new Map<string, number>();
    for (const [id, { pool }] of this.#pools) if (names.has(pool.name)) ids.set(pool.name, id);
    for (const [id, { pool, watch }] of this.#pools) {
      if (ids.get(pool.name) === id || pool.size > 0) continue;
      watch[Symbol.dispose]();
      this.#pools.delete(id);
    }
    return ids;
  }

  pool(id: number): Pool | undefined {
    return this.#pools.get(id)?.pool;
  }

  pools(): Iterable<Pool> {
    return this.#pools.values().map(({ pool }) => pool);
  }

  idOf(backend: Backend): number | undefined {
    return this.#ids.get(backend);
  }

  find(id: number): Enrolled | undefined {
    return this.#backends.get(id);
  }

  /** A backend that has left its pool, and has no connections any more. */
  forget(id: number): void {
    const known = this.#backends.get(id);
    if (known && known.pool.find(known.backend.name) !== known.backend) this.#backends.delete(id);
  }

  /** All that there is to say of what is there. */
  all(): BackendNews {
    const here = [...this.#backends].filter(([, { backend, pool }]) => pool.find(backend.name) === backend);
    const pools = Array.from(this.#pools, ([id, { pool }]) => ({ id, isDraining: pool.isDraining }));
    return { pools, backends: here.map(([id, enrolled]) => toNotice(id, enrolled)), removed: [] };
  }

  /** What has changed since the last call; undefined when nothing has. */
  takeNews(): BackendNews | undefined {
    const pools = this.#changedPools();
    if (pools.length + this.#changed.size + this.#removed.size === 0) return undefined;
    const backends = Array.from(this.#changed, (id) => {
      const enrolled = this.#backends.get(id);
      return enrolled ? [toNotice(id, enrolled)] : [];
    }).flat();
    const news = { pools, backends, removed: [...this.#removed] };
    this.#changed.clear();
    this.#removed.clear();
    return news;
  }

  [Symbol.dispose](): void {
    for (const { watch } of this.#pools.values()) watch[Symbol.dispose]();
    this.#pools.clear();
  }

  #changedPools(): BackendNews["pools"] {
    const changed: { id: number; isDraining: boolean }[] = [];
    for (const [id, followed] of this.#pools) {
      const { isDraining } = followed.pool;
      if (isDraining === followed.wasDraining) continue;
      followed.wasDraining = isDraining;
      changed.push({ id, isDraining });
    }
    return changed;
  }

  #enroll(enrolled: Enrolled): void {
    this.#lastId += 1;
    this.#ids.set(enrolled.backend, this.#lastId);
    this.#backends.set(this.#lastId, enrolled);
    this.#changed.add(this.#lastId);
  }

  #note(backend: Backend): void {
    const id = this.#ids.get(backend);
    if (id !== undefined) this.#changed.add(id);
  }

  #remove(backend: Backend): void {
    const id = this.#ids.get(backend);
    if (id === undefined) return;
    this.#changed.delete(id);
    this.#removed.add(id);
    if (backend.active === 0) this.#backends.delete(id);
  }
}

function toNotice(id: number, { backend, poolId }: Enrolled): BackendNotice {
  const { name, address, health, isHeld, ramp, reported } = backend;
  const { weight, admin, maxConnections, backup, source, proxy = false } = backend;
  const change = { weight, admin, maxConnections, backup, source, proxy } as const;
  return { id, pool: poolId, name, address, seen: { health, isHeld, ramp, reported, change } };
}
