import { type Address, formatAddress } from "../net/mod.ts";
import type { BackendState, Candidate, Policy } from "./contract.ts";
import { type Health, UNKNOWN_HEALTH } from "./heartbeat.ts";

/** What the operator wants of a backend: `draining` keeps its connections but takes no new ones, and so does `disabled`. */
export type AdminState = "enabled" | "draining" | "disabled";

/** What a pool is told of a backend. */
export interface BackendSpec {
  readonly address: Address;
  /** Unique in its pool. @default {the address, as `HOST:PORT`} */
  readonly name?: string | undefined;
  /** Its share of new clients compared with others, 0 to 1,000,000,000; with 0 it takes none. @default {1} */
  readonly weight?: number | undefined;
  /** Serves only when no other can. @default {false} */
  readonly backup?: boolean | undefined;
  /** Who named it, such as `config`, `registry` or `admin`: shown to the operator. @default {"config"} */
  readonly source?: string | undefined;
  /** @default {"enabled"} */
  readonly admin?: AdminState | undefined;
  /** Connections it may have at once. @default {no limit} */
  readonly maxConnections?: number | undefined;
}

/** What can be changed of a backend while it runs. What is absent stays as it is. */
export type BackendChange = Pick<BackendSpec, "weight" | "admin" | "maxConnections">;

/**
 * One server that the balancer may send a client to.
 *
 * Lives in one pool, which alone changes it. After its removal only `active` still changes.
 */
export interface Backend extends Candidate {
  readonly address: Address;
  readonly backup: boolean;
  readonly source: string;
  readonly admin: AdminState;
  readonly health: Health;
  /** Connections that it was picked for since it was added. */
  readonly total: number;
  /** Infinity when there is no limit. */
  readonly maxConnections: number;
  /** What to show of it. One that has not answered yet is `suspect`. */
  state(): BackendState;
}

/** One line of `/api/pools`. */
export interface BackendSnapshot {
  readonly name: string;
  readonly state: BackendState;
  readonly missed: number;
  readonly weight: number;
  readonly connections: number;
  readonly total: number;
  readonly source: string;
  readonly backup: boolean;
}

const MAX_WEIGHT = 1_000_000_000;

/** Refuses what no backend can have. @throws {RangeError} with a sentence that says what is wrong. */
export function checkBackend(action: string, change: BackendChange): void {
  const { weight = 1, maxConnections = 1 } = change;
  if (!(weight >= 0 && weight <= MAX_WEIGHT))
    throw new RangeError(`Cannot ${action}: weight must be 0 to ${MAX_WEIGHT}, received ${weight}`);
  if (!(maxConnections >= 1))
    throw new RangeError(`Cannot ${action}: maxConnections must be at least 1, received ${maxConnections}`);
}

/** The pool's own side of a {@linkcode Backend}: the same object, with leave to change it. */
export class BackendRecord implements Backend {
  readonly name: string;
  readonly address: Address;
  readonly backup: boolean;
  readonly source: string;
  weight: number;
  admin: AdminState;
  maxConnections: number;
  health: Health = UNKNOWN_HEALTH;
  active = 0;
  total = 0;
  /** The policy that picks it; undefined while its weight is 0 and after its removal. */
  tier: Policy<BackendRecord> | undefined;

  constructor(spec: BackendSpec) {
    this.name = spec.name ?? formatAddress(spec.address);
    this.address = spec.address;
    this.backup = spec.backup ?? false;
    this.source = spec.source ?? "config";
    this.weight = spec.weight ?? 1;
    this.admin = spec.admin ?? "enabled";
    this.maxConnections = spec.maxConnections ?? Number.POSITIVE_INFINITY;
  }

  get available(): boolean {
    return (
      this.admin === "enabled" &&
      this.weight > 0 &&
      this.health.verdict !== "down" &&
      this.active < this.maxConnections
    );
  }

  state(): BackendState {
    if (this.admin !== "enabled") return this.admin;
    return this.health.verdict === "new" ? "suspect" : this.health.verdict;
  }

  snapshot(): BackendSnapshot {
    const { name, weight, active: connections, total, source, backup } = this;
    return {
      name,
      state: this.state(),
      missed: this.health.missed,
      weight,
      connections,
      total,
      source,
      backup,
    };
  }
}
