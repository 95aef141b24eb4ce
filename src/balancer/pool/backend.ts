import { type Address, formatAddress } from "../../net/mod.ts";
import type { BackendState, Candidate, Policy } from "../contract.ts";
import { BackendCounters } from "../counters.ts";
import { type Health, UNKNOWN_HEALTH } from "../heartbeat/heartbeat.ts";
import type { ProbeAnswer } from "../probe/contract.ts";

/** What the operator wants of a backend: `draining` keeps its connections but takes no new ones, and so does `disabled`. */
export type AdminState = "enabled" | "draining" | "disabled";

/** What a pool is told of a backend. */
export interface BackendSpec {
  /** Where it is. */
  readonly address: Address;
  /** Unique in its pool. @default {the address, as `HOST:PORT`} */
  readonly name?: string | undefined;
  /** Its share of new clients compared with others, 0 to 1,000,000,000; with 0 it takes none. @default {1} */
  readonly weight?: number | undefined;
  /** Serves only when no other can. @default {false} */
  readonly backup?: boolean | undefined;
  /** Who named it, such as `config`, `registry` or `admin`: shown to the operator. @default {"config"} */
  readonly source?: string | undefined;
  /** What the operator wants of it. @default {"enabled"} */
  readonly admin?: AdminState | undefined;
  /** Connections it may have at once. @default {no limit} */
  readonly maxConnections?: number | undefined;
  /** The version of the PROXY protocol that it announces to want. @default {none} */
  readonly proxy?: 2 | undefined;
}

/** What can be changed of a backend while it runs. What is absent stays as it is. */
export interface BackendChange
  extends Pick<BackendSpec, "weight" | "admin" | "maxConnections" | "backup" | "source"> {
  /** False when it wants none any more. */
  readonly proxy?: 2 | false | undefined;
}

/**
 * One server that the balancer may send a client to.
 *
 * Lives in one pool, which alone changes it. After its removal only `active` still changes.
 */
export interface Backend extends Candidate {
  /** Where it is. */
  readonly address: Address;
  /** Whether it serves only when no other can. */
  readonly backup: boolean;
  /** Who named it. */
  readonly source: string;
  /** What the operator wants of it. */
  readonly admin: AdminState;
  /** What its heartbeat says. */
  readonly health: Health;
  /** Connections that it was picked for since it was added. */
  readonly total: number;
  /** Infinity when there is no limit. */
  readonly maxConnections: number;
  /** The version of the PROXY protocol that it announces to want. */
  readonly proxy: 2 | undefined;
  /** Held because its clients have failed: `down` whatever its heartbeat says. */
  readonly isHeld: boolean;
  /** What it said of itself in answer to its last heartbeat. */
  readonly reported: ProbeAnswer | undefined;
  /** Those of `active` that others serve: other processes or threads of the same balancer. */
  readonly elsewhere: number;
  /** What was counted of it. */
  readonly counters: BackendCounters;
  /** When it was added, and when its state was last changed, in milliseconds since 1970. */
  readonly addedAt: number;
  /** When its state was last changed, in milliseconds since 1970. */
  readonly stateSince: number;
  /**
   * What to show of it: what the operator wants goes before `down`, and that before the draining that it announces itself. One that
   * has not answered yet is `suspect`.
   */
  state(): BackendState;
}

/** What another process, which asks a backend whether it lives, thinks of it. */
export interface SeenBackend {
  readonly health: Health;
  readonly isHeld: boolean;
  readonly ramp: number;
  readonly reported: ProbeAnswer | undefined;
  readonly change: BackendChange;
}

/** One line of `/api/pools`. */
export interface BackendSnapshot {
  /** Unique in its pool. */
  readonly name: string;
  /** What it is seen to be. */
  readonly state: BackendState;
  /** Heartbeats without an answer since the last one. */
  readonly missed: number;
  /** Its share of new clients compared with others. */
  readonly weight: number;
  /** Connections that it has now. */
  readonly connections: number;
  /** How often it was picked. */
  readonly total: number;
  /** Who named it. */
  readonly source: string;
  /** Whether it serves only when no other can. */
  readonly backup: boolean;
}

const MAX_WEIGHT = 1_000_000_000;

/** More connections than any backend has. */
const NO_LIMIT = 2 ** 30 - 1;

/** Refuses what no backend can have. @throws {RangeError} with a sentence that says what is wrong. */
export function checkBackend(action: string, change: BackendChange): void {
  const { weight = 1, maxConnections = 1 } = change;
  if (!(weight >= 0 && weight <= MAX_WEIGHT))
    throw new RangeError(`Cannot ${action}: weight must be 0 to ${MAX_WEIGHT}, received ${weight}`);
  if (!(maxConnections >= 1))
    throw new RangeError(`Cannot ${action}: maxConnections must be at least 1, received ${maxConnections}`);
}

function limitOf(maxConnections: number): number {
  return Math.ceil(Math.min(NO_LIMIT, maxConnections));
}

/** The pool's own side of a {@linkcode Backend}: the same object, with leave to change it. */
export class BackendRecord implements Backend {
  // What every pick looks at comes first: side by side, it is in few lines of the processor's cache.
  active = 0;
  total = 0;
  /** {@linkcode maxConnections}, but always a small whole number, which the engines keep in place. */
  limit: number;
  weight: number;
  ramp = 1;
  /** The policy that picks it; undefined while its weight is 0 and after its removal. */
  tier: Policy<BackendRecord> | undefined;
  isHeld = false;
  health: Health = UNKNOWN_HEALTH;
  admin: AdminState;
  reported: ProbeAnswer | undefined;
  readonly name: string;
  readonly address: Address;
  maxConnections: number;
  backup: boolean;
  source: string;
  proxy: 2 | undefined;
  elsewhere = 0;
  readonly counters: BackendCounters = new BackendCounters();
  readonly addedAt: number;
  stateSince: number;
  /** Others were up when it was added. */
  readonly hasJoinedOthers: boolean;
  /** Its last heartbeat that was judged had no answer. */
  hasMissed = false;

  constructor(spec: BackendSpec, now: number, hasJoinedOthers: boolean) {
    this.name = spec.name ?? formatAddress(spec.address);
    this.address = spec.address;
    this.backup = spec.backup ?? false;
    this.source = spec.source ?? "config";
    this.weight = spec.weight ?? 1;
    this.admin = spec.admin ?? "enabled";
    this.maxConnections = spec.maxConnections ?? Number.POSITIVE_INFINITY;
    this.limit = limitOf(this.maxConnections);
    this.proxy = spec.proxy;
    this.addedAt = now;
    this.stateSince = now;
    this.hasJoinedOthers = hasJoinedOthers;
  }

  /** Whether it could serve if it were neither held nor full. */
  get isUsable(): boolean {
    return (
      this.admin === "enabled" &&
      this.weight > 0 &&
      this.health.verdict !== "down" &&
      this.reported?.isDraining !== true
    );
  }

  /** Whether it could serve if it were not full. */
  get isOpen(): boolean {
    return this.isUsable && !this.isHeld;
  }

  get isFull(): boolean {
    return this.active >= this.limit;
  }

  /** It has more connections than it may have, since the limit was lowered. */
  get isOverfull(): boolean {
    return this.active > this.limit;
  }

  get available(): boolean {
    return this.isOpen && !this.isFull;
  }

  /** How many connections it can have, as far as anybody has said. */
  get capacity(): number | undefined {
    // A chat server that was not told says 0.
    return (
      this.reported?.capacity || (Number.isFinite(this.maxConnections) ? this.maxConnections : undefined)
    );
  }

  state(): BackendState {
    if (this.admin !== "enabled") return this.admin;
    const { verdict } = this.health;
    if (verdict === "down" || this.isHeld) return "down";
    if (this.reported?.isDraining) return "draining";
    return verdict === "new" ? "suspect" : verdict;
  }

  change(change: BackendChange): void {
    this.weight = change.weight ?? this.weight;
    this.admin = change.admin ?? this.admin;
    this.maxConnections = change.maxConnections ?? this.maxConnections;
    this.limit = limitOf(this.maxConnections);
    this.backup = change.backup ?? this.backup;
    this.source = change.source ?? this.source;
    if (change.proxy !== undefined) this.proxy = change.proxy || undefined;
  }

  /** Others see it so. What its ramp is now is left to the caller. */
  see({ health, isHeld, reported, change }: SeenBackend): void {
    this.health = health;
    this.isHeld = isHeld;
    this.reported = reported;
    this.change(change);
  }

  /** Others have so many connections now, and have picked it `more` times since they were asked. */
  countElsewhere(elsewhere: number, more: number): void {
    this.active += elsewhere - this.elsewhere;
    this.elsewhere = elsewhere;
    this.total += more;
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
