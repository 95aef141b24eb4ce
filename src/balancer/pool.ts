import {
  type Backend,
  type BackendChange,
  BackendRecord,
  type BackendSnapshot,
  type BackendSpec,
  checkBackend,
} from "./backend.ts";
import type { BackendState, Client, Policy, PolicyName } from "./contract.ts";
import {
  beat,
  checkHeartbeat,
  type Health,
  type HeartbeatEvent,
  type HeartbeatOptions,
} from "./heartbeat.ts";
import { policies } from "./policy/policies.ts";

/** Options for {@linkcode createPool}. */
export interface PoolOptions {
  readonly name: string;
  readonly policy: PolicyName;
  /** How clients get to their backends: only shown. @default {"splice"} */
  readonly dispatch?: DispatchName;
  /** When a backend goes down and comes up again, and how often a monitor probes it. */
  readonly heartbeat?: HeartbeatOptions;
}

/** How an accepted connection gets to its backend: its bytes are copied, or it is handed to a child process. */
export type DispatchName = "splice" | "hand-over";

/** Everything that happens to the backends of a pool. Called synchronously once it has happened; must not throw. */
export interface PoolHandler {
  onAdd?(backend: Backend): void;
  onRemove?(backend: Backend): void;
  onState?(backend: Backend, from: BackendState, to: BackendState): void;
}

/** One pool of `/api/pools`. */
export interface PoolSnapshot {
  readonly name: string;
  readonly policy: PolicyName;
  readonly dispatch: DispatchName;
  readonly backends: readonly BackendSnapshot[];
}

/** A place for one client on a backend, counted until it is disposed; disposing again does nothing. */
export interface Lease extends Disposable {
  readonly backend: Backend;
}

/** The backends that serve one purpose, and who of them gets the next client. */
export interface Pool {
  readonly name: string;
  readonly policy: PolicyName;
  readonly heartbeat: HeartbeatOptions;
  /** How many backends it has. */
  readonly size: number;
  /**
   * Adds a backend, which is in use at once.
   *
   * @throws {RangeError} when the name is taken, the pool has {@linkcode MAX_BACKENDS}, or the weight or limit is not one.
   */
  add(spec: BackendSpec): Backend;
  /**
   * Takes a backend out: it gets no more clients. Its connections go on and their leases count on it.
   *
   * @returns The backend; undefined when there is none of that name.
   */
  remove(name: string): Backend | undefined;
  /**
   * Changes a backend. Live connections do not notice.
   *
   * @returns The backend; undefined when there is none of that name.
   * @throws {RangeError} when the weight or limit is not one; nothing is changed then.
   */
  change(name: string, change: BackendChange): Backend | undefined;
  find(name: string): Backend | undefined;
  /** All backends, in the order added. */
  backends(): Iterable<Backend>;
  /** What `/api/pools` shows. */
  list(): PoolSnapshot;
  /**
   * Picks a backend for a client and counts the client on it, in one act.
   *
   * Backends that are up or suspect first; then such backups; then backends that have not answered yet, and last such backups.
   * One that is down, draining, disabled, full or of weight 0 is never picked.
   *
   * @param except Who has been tried for this client.
   * @returns Undefined when no backend may take the client.
   */
  acquire(client: Client, except?: ReadonlySet<Backend>): Lease | undefined;
  /** Folds an event of its heartbeat into a backend. Does nothing when it has been removed. */
  beat(backend: Backend, event: Exclude<HeartbeatEvent, "failed">): void;
  /**
   * Notes that a client could not be connected to the backend of `lease`, which is still to be disposed.
   *
   * Counts as a missed heartbeat, one at most between two that are sent, however many clients fail. Where that would put out
   * more than half of the pool by clients' failures, it does not count.
   */
  failed(lease: Lease): void;
  /** Tells `handler` of every backend there is, by `onAdd`, and then of everything that happens until disposed. */
  watch(handler: PoolHandler): Disposable;
}

/** The most backends that one pool takes. */
export const MAX_BACKENDS = 100_000;

const NOBODY: ReadonlySet<Backend> = new Set();

/** Makes an empty pool. @throws {RangeError} when the heartbeat's threshold, rise or interval is none. */
export function createPool(options: PoolOptions): Pool {
  checkHeartbeat(options.heartbeat);
  return new RunningPool(options);
}

class CountedLease implements Lease {
  readonly backend: BackendRecord;
  readonly #pool: RunningPool;
  #isHeld = true;

  constructor(backend: BackendRecord, pool: RunningPool) {
    this.backend = backend;
    this.#pool = pool;
  }

  [Symbol.dispose](): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#pool.giveBack(this.backend);
  }
}

class RunningPool implements Pool {
  readonly name: string;
  readonly policy: PolicyName;
  readonly heartbeat: HeartbeatOptions;
  readonly #dispatch: DispatchName;
  readonly #members = new Map<string, BackendRecord>();
  /** One policy for each tier, the best first: proven, proven backups, new, new backups. */
  readonly #tiers: readonly Policy<BackendRecord>[];
  /** Those that are down by a client's failure, and whose own heartbeat has not been missed since. */
  readonly #putOut = new Set<BackendRecord>();
  readonly #watchers = new Set<PoolHandler>();

  constructor({ name, policy, dispatch = "splice", heartbeat = {} }: PoolOptions) {
    this.name = name;
    this.policy = policy;
    this.heartbeat = heartbeat;
    this.#dispatch = dispatch;
    this.#tiers = Array.from({ length: 4 }, () => policies[policy]<BackendRecord>());
  }

  get size(): number {
    return this.#members.size;
  }

  add(spec: BackendSpec): Backend {
    checkBackend("add backend", spec);
    const record = new BackendRecord(spec);
    if (this.#members.has(record.name))
      throw new RangeError(`Cannot add backend: pool "${this.name}" has one named "${record.name}" already`);
    if (this.size >= MAX_BACKENDS)
      throw new RangeError(`Cannot add backend: pool "${this.name}" has ${MAX_BACKENDS}, which is the most`);
    this.#members.set(record.name, record);
    this.#place(record);
    for (const watcher of this.#watchers) watcher.onAdd?.(record);
    return record;
  }

  remove(name: string): Backend | undefined {
    const record = this.#members.get(name);
    if (!record) return undefined;
    this.#members.delete(name);
    this.#putOut.delete(record);
    record.tier?.remove(record);
    record.tier = undefined;
    for (const watcher of this.#watchers) watcher.onRemove?.(record);
    return record;
  }

  change(name: string, change: BackendChange): Backend | undefined {
    checkBackend("change backend", change);
    const record = this.#members.get(name);
    if (!record) return undefined;
    const from = record.state();
    record.weight = change.weight ?? record.weight;
    record.admin = change.admin ?? record.admin;
    record.maxConnections = change.maxConnections ?? record.maxConnections;
    this.#changed(record, from);
    return record;
  }

  find(name: string): Backend | undefined {
    return this.#members.get(name);
  }

  backends(): Iterable<Backend> {
    return this.#members.values();
  }

  list(): PoolSnapshot {
    const backends = Array.from(this.#members.values(), (record) => record.snapshot());
    return { name: this.name, policy: this.policy, dispatch: this.#dispatch, backends };
  }

  acquire(client: Client, except: ReadonlySet<Backend> = NOBODY): Lease | undefined {
    // All backends of ours are records; others in the set do no harm.
    const tried = except as ReadonlySet<BackendRecord>;
    for (const tier of this.#tiers) {
      const record = tier.pick(client, tried);
      if (!record) continue;
      record.active += 1;
      record.total += 1;
      if (tier.countsConnections || record.active >= record.maxConnections) tier.change(record);
      return new CountedLease(record, this);
    }
    return undefined;
  }

  /** Uncounts a client; that of a backend which is no longer here, too. */
  giveBack(record: BackendRecord): void {
    const wasFull = record.active >= record.maxConnections;
    record.active -= 1;
    if (wasFull || record.tier?.countsConnections) record.tier?.change(record);
  }

  beat(backend: Backend, event: Exclude<HeartbeatEvent, "failed">): void {
    const record = this.#recordOf(backend);
    if (!record) return;
    if (event === "overdue") this.#putOut.delete(record);
    this.#setHealth(record, beat(record.health, event, this.heartbeat));
  }

  failed(lease: Lease): void {
    const record = this.#recordOf(lease.backend);
    if (!record) return;
    const health = beat(record.health, "failed", this.heartbeat);
    if (health.verdict === "down" && record.health.verdict !== "down") {
      if ((this.#putOut.size + 1) * 2 > this.size) return;
      this.#putOut.add(record);
    }
    this.#setHealth(record, health);
  }

  watch(handler: PoolHandler): Disposable {
    this.#watchers.add(handler);
    for (const record of this.#members.values()) handler.onAdd?.(record);
    return { [Symbol.dispose]: () => void this.#watchers.delete(handler) };
  }

  #recordOf(backend: Backend): BackendRecord | undefined {
    const record = this.#members.get(backend.name);
    return record === backend ? record : undefined;
  }

  #setHealth(record: BackendRecord, health: Health): void {
    if (health === record.health) return;
    const from = record.state();
    const wasVerdict = record.health.verdict;
    record.health = health;
    if (health.verdict !== "down") this.#putOut.delete(record);
    // Most events only count: nothing for a policy to know.
    if (health.verdict !== wasVerdict) this.#changed(record, from);
  }

  #changed(record: BackendRecord, from: BackendState): void {
    this.#place(record);
    const to = record.state();
    if (from === to) return;
    for (const watcher of this.#watchers) watcher.onState?.(record, from, to);
  }

  /** Puts a backend in the tier where it belongs; one of weight 0 in none. */
  #place(record: BackendRecord): void {
    const isNew = record.health.verdict === "new";
    const tier = record.weight > 0 ? this.#tiers[(isNew ? 2 : 0) + (record.backup ? 1 : 0)] : undefined;
    if (record.tier === tier) {
      tier?.change(record);
      return;
    }
    record.tier?.remove(record);
    tier?.add(record);
    record.tier = tier;
  }
}
