import { formatAddress } from "../../net/mod.ts";
import type { TableEntry } from "../connection/contract.ts";
import type { ConnectionTable } from "../connection/table.ts";
import type { BackendState, PolicyName } from "../contract.ts";
import type { RefusalReason } from "../end_reason.ts";
import type { Frontend } from "../frontend/frontend.ts";
import { outcomesOf } from "../heartbeat/history.ts";
import type { Histogram } from "../histogram.ts";
import type { AdminState, Backend } from "../pool/backend.ts";
import type { DispatchName, Pool } from "../pool/pool.ts";

/** A pool as operators see it. */
export interface PoolView {
  readonly name: string;
  readonly policy: PolicyName;
  readonly dispatch: DispatchName;
  readonly backends: readonly BackendView[];
  /** Whether it takes no new clients. */
  readonly draining: boolean;
  /** Clients that wait for a place. */
  readonly queued: number;
  readonly capacity: number | undefined;
}

/** A backend as operators see it. */
export interface BackendView {
  readonly name: string;
  readonly state: BackendState;
  readonly missed: number;
  readonly weight: number;
  readonly connections: number;
  readonly total: number;
  readonly source: string;
  readonly backup: boolean;
  readonly address: string;
  readonly admin: AdminState;
  /** How long it has been in its state. */
  readonly stateMs: number;
  readonly risen: number;
  readonly maxConnections: number | undefined;
  readonly reported: ReportedLoad | undefined;
  /** Why it was last not reached; absent when it has answered a heartbeat since. */
  readonly lastError: string | undefined;
  readonly connectFailures: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** When its state was last changed, in milliseconds since 1970. */
  readonly stateSince: number;
  /** How its last heartbeats ended, the oldest first: `+` answered, `-` not in time. */
  readonly heartbeats: string;
  /** How long it took to connect clients to it. */
  readonly connectTime: ConnectTime;
}

/** How many clients were connected, and how long that took in all. */
export interface ConnectTime {
  readonly count: number;
  readonly seconds: number;
}

/** What a backend says of itself when it is probed. */
export interface ReportedLoad {
  readonly connections: number | undefined;
  readonly capacity: number | undefined;
  readonly draining: boolean | undefined;
}

/** A frontend as operators see it. */
export interface FrontendView {
  readonly name: string;
  readonly address: string;
  readonly protocol: string;
  readonly pool: string;
  readonly draining: boolean;
  readonly connections: number;
  readonly total: number;
  readonly refused: Readonly<Record<RefusalReason, number>>;
}

/** A client that is served, as operators see it. */
export interface ConnectionView {
  readonly id: string;
  readonly pool: string;
  readonly backend: string;
  readonly frontend: string;
  readonly client: string;
  readonly transport: string;
  readonly ageMs: number;
  readonly idleMs: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** Shows a pool with its backends. */
export function viewPool(pool: Pool, table: ConnectionTable): PoolView {
  const { name, policy, dispatch, queued, capacity } = pool;
  const backends = Array.from(pool.backends(), (backend) => viewBackend(backend, table));
  return { name, policy, dispatch, backends, draining: pool.isDraining, queued, capacity };
}

/** Shows a backend. */
export function viewBackend(backend: Backend, table: ConnectionTable): BackendView {
  const { name, health, weight, active, total, source, backup, admin, reported, counters } = backend;
  const live = table.liveBytes(backend);
  return {
    name,
    state: backend.state(),
    missed: health.missed,
    weight,
    connections: active,
    total,
    source,
    backup,
    address: formatAddress(backend.address),
    admin,
    stateMs: Math.max(0, table.clock.wallNow() - backend.stateSince),
    risen: health.risen,
    maxConnections: Number.isFinite(backend.maxConnections) ? backend.maxConnections : undefined,
    reported: reported && {
      connections: reported.connections,
      capacity: reported.capacity,
      draining: reported.isDraining,
    },
    lastError: counters.lastError,
    connectFailures: counters.connectFailures,
    bytesIn: counters.bytesIn + live.bytesIn,
    bytesOut: counters.bytesOut + live.bytesOut,
    stateSince: backend.stateSince,
    heartbeats: outcomesOf(counters.heartbeats),
    connectTime: connectTimeOf(counters.connectSeconds),
  };
}

function connectTimeOf({ count, sum }: Histogram): ConnectTime {
  return { count, seconds: sum };
}

/** Shows a frontend. @param protocol `tcp`, `tls` or `udp`. */
export function viewFrontend(frontend: Frontend, protocol: string): FrontendView {
  const { name, address, pool, connections, counters, isDraining } = frontend;
  return {
    name,
    address: formatAddress(address),
    protocol,
    pool: pool.name,
    draining: isDraining,
    connections,
    total: counters.total,
    refused: counters.refused,
  };
}

/** Shows a client that is served. */
export function viewConnection(entry: TableEntry, now: number): ConnectionView {
  const { id, pool, backend, frontend, client, transport, traffic, openedAt } = entry;
  const ageMs = Math.round(now - openedAt);
  return {
    id,
    pool,
    backend: backend.name,
    frontend,
    client,
    transport,
    ageMs,
    // Bytes may have moved a moment before it was listed.
    idleMs: Math.min(ageMs, Math.max(0, Math.round(now - traffic.activeAt))),
    bytesIn: traffic.bytesIn,
    bytesOut: traffic.bytesOut,
  };
}
