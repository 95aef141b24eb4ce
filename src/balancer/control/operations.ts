import { type Address, formatAddress } from "../../net/mod.ts";
import type { BackendConfiguration } from "../configuration/contract.ts";
import type { TableFilter } from "../connection/contract.ts";
import type { AdminState, Backend } from "../pool/backend.ts";
import type { Balancer } from "../running/balancer.ts";
import type { DrainProgress } from "../running/drains.ts";
import type { ManagedPool } from "../running/managed_pool.ts";
import { balancerMetrics, type HistogramMetric, type NumberMetric } from "./metrics.ts";
import {
  type ConnectionView,
  type FrontendView,
  type PoolView,
  viewBackend,
  viewConnection,
  viewFrontend,
  viewPool,
} from "./views.ts";

/** What became of what an operator asked for; the statuses are those of HTTP. */
export type OperationOutcome =
  | { readonly ok: true; readonly value?: object }
  | { readonly ok: false; readonly status: 404 }
  | { readonly ok: false; readonly status: 400 | 409 | 422; readonly error: string };

/** A backend that an operator adds. */
export interface AddedBackend {
  /** Where it is; its name as well. */
  readonly address: Address;
  /** Its share of new clients compared with others. @default {1} */
  readonly weight?: number;
  /** Whether it serves only when no other can. @default {false} */
  readonly backup?: boolean;
  /** Connections that it has at once. @default {no limit} */
  readonly maxConnections?: number;
}

/** What an operator changes of a backend; what is absent stays. */
export interface OperatorChange {
  readonly weight?: number;
  readonly state?: AdminState;
  readonly maxConnections?: number | "none";
  /** By when a backend that is to drain has no connections. @default {as its pool's configuration says} */
  readonly deadlineMs?: number;
}

/** How long a drain may take. */
export interface DrainDeadline {
  readonly deadlineMs?: number;
}

const NOT_THERE: OperationOutcome = { ok: false, status: 404 };

/**
 * What operators can see and do while a balancer runs. Nothing throws for what they ask: the outcome says what was wrong.
 *
 * What is changed of backends is kept over restarts where the balancer has a state file, until the configuration says otherwise.
 */
export class Operations {
  readonly #balancer: Balancer;

  constructor(balancer: Balancer) {
    this.#balancer = balancer;
  }

  pools(): PoolView[] {
    return Array.from(this.#balancer.pools.values(), ({ pool }) => viewPool(pool, this.#balancer.table));
  }

  frontends(): FrontendView[] {
    const { all } = this.#balancer.frontends;
    return this.#balancer.frontends
      .list()
      .map((frontend) => viewFrontend(frontend, all.get(frontend.name)?.protocol ?? "tcp"));
  }

  connections(filter: TableFilter, limit: number): ConnectionView[] {
    const { table } = this.#balancer;
    const now = table.clock.now();
    return table.list(filter, limit).map((entry) => viewConnection(entry, now));
  }

  drains(): DrainProgress[] {
    return this.#balancer.drains.list();
  }

  metrics(): Iterable<NumberMetric | HistogramMetric> {
    const { pools, frontends, table } = this.#balancer;
    return balancerMetrics({
      pools: Array.from(pools.values(), ({ pool }) => pool),
      frontends: frontends.list(),
      liveBytes: (backend) => table.liveBytes(backend),
    });
  }

  closeConnection(id: string): OperationOutcome {
    const entry = this.#balancer.table.find(id);
    if (!entry) return NOT_THERE;
    entry.end("operator");
    return { ok: true };
  }

  changeFrontend(
    name: string,
    { deadlineMs }: { readonly state: "draining" } & DrainDeadline,
  ): OperationOutcome {
    const frontend = this.#balancer.frontends.list().find((one) => one.name === name);
    if (!frontend) return NOT_THERE;
    const pool = this.#balancer.pools.get(frontend.pool.name);
    void this.#balancer.frontends.drain(name, deadlineMs ?? pool?.configuration.connections.drainMs ?? 0);
    return { ok: true };
  }

  changePool(
    name: string,
    { state, deadlineMs }: { readonly state: "enabled" | "draining" } & DrainDeadline,
  ): OperationOutcome {
    const pool = this.#balancer.pools.get(name);
    if (!pool) return NOT_THERE;
    if (state === "enabled") pool.undrain();
    else void pool.drain(deadlineMs ?? pool.configuration.connections.drainMs);
    return { ok: true, value: viewPool(pool.pool, this.#balancer.table) };
  }

  addBackend(pool: string, added: AddedBackend): OperationOutcome {
    const managed = this.#balancer.pools.get(pool);
    if (!managed) return NOT_THERE;
    const backend = toBackend(added);
    try {
      return this.#keep(managed, { kind: "add", backend }, managed.membership.add(backend));
    } catch (error) {
      return refused(error, 409);
    }
  }

  changeBackend(pool: string, name: string, change: OperatorChange): OperationOutcome {
    const managed = this.#balancer.pools.get(pool);
    const backend = managed?.pool.find(name);
    if (!managed || !backend) return NOT_THERE;
    const { weight, state: admin, maxConnections, deadlineMs } = change;
    const limit = maxConnections === "none" ? Number.POSITIVE_INFINITY : maxConnections;
    try {
      managed.pool.change(name, { weight, admin, maxConnections: limit });
    } catch (error) {
      return refused(error, 422);
    }
    if (admin === "draining")
      void managed.drainBackend(backend, deadlineMs ?? managed.configuration.connections.drainMs);
    else if (admin !== undefined) managed.undrainBackend(backend);
    return this.#keep(managed, { kind: "change", backend: name, weight, admin, maxConnections }, backend);
  }

  removeBackend(pool: string, name: string, { deadlineMs }: DrainDeadline): OperationOutcome {
    const managed = this.#balancer.pools.get(pool);
    const backend = managed?.membership.remove(name, deadlineMs);
    if (!managed || !backend) return NOT_THERE;
    return this.#keep(managed, { kind: "remove", backend: name }, backend);
  }

  #keep(
    { pool }: ManagedPool,
    change: Parameters<Balancer["override"]>[1],
    backend: Backend,
  ): OperationOutcome {
    if (this.#balancer.override(pool.name, change))
      return { ok: true, value: viewBackend(backend, this.#balancer.table) };
    return {
      ok: false,
      status: 409,
      error: `it is done, but not kept over a restart: too many backends of pool "${pool.name}" were changed at run time`,
    };
  }
}

function toBackend({
  address,
  weight = 1,
  backup = false,
  maxConnections,
}: AddedBackend): BackendConfiguration {
  return { name: formatAddress(address), address, weight, backup, maxConnections };
}

function refused(error: unknown, status: 409 | 422): OperationOutcome {
  if (!(error instanceof RangeError)) throw error;
  return { ok: false, status, error: error.message };
}
