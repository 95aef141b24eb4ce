import type { Clock } from "../../async/mod.ts";
import type { BackendState, Client, KeySource, PolicyName } from "../contract.ts";
import type { HeartbeatEvent, HeartbeatOptions } from "../heartbeat/heartbeat.ts";
import type { Backend, BackendChange, BackendSnapshot, BackendSpec, SeenBackend } from "./backend.ts";
import { checkPool } from "./pool_options.ts";

export { MAX_BACKENDS } from "./pool_options.ts";

import type { ProbeAnswer } from "../probe/contract.ts";
import type { QueueOptions } from "./queue.ts";
import { RunningPool } from "./running_pool.ts";

/** Options for {@linkcode createPool}. */
export interface PoolOptions {
  /** What it is called in logs and lists. */
  readonly name: string;
  /** Who gets the next client. */
  readonly policy: PolicyName;
  /** How clients get to their backends: only shown. @default {"splice"} */
  readonly dispatch?: DispatchName | undefined;
  /** When a backend goes down and comes up again, and how often a monitor probes it. */
  readonly heartbeat?: HeartbeatOptions | undefined;
  /** Where the key of a client is found. Of use with `key-hash` alone. @default {nowhere} */
  readonly key?: KeySource | undefined;
  /** Who picks for a client without a key, among the same backends, under `key-hash`. @default {"ip-hash"} */
  readonly fallback?: PolicyName | undefined;
  /**
   * How long a backend takes to get its whole share after it was down, or after it joined while others were up, in milliseconds; 0 for
   * at once. It begins with a tenth. For the policies that respect weights: all but `round-robin`.
   *
   * @default {0}
   */
  readonly slowStartMs?: number | undefined;
  /** Who waits while all backends are full. */
  readonly queue?: QueueOptions | undefined;
  /** The source of time. @default {systemClock} */
  readonly clock?: Clock | undefined;
  /** Source of randomness of the policies that draw, 0 up to but not including 1. @default {Math.random} */
  readonly random?: (() => number) | undefined;
  /** @internal Judges backends by what becomes of their clients, where another process does; {@linkcode Pool.reflect} takes the verdicts. @default {the pool} */
  readonly judge?: ClientJudge | undefined;
}

/** Who is told what becomes of clients that were sent to a backend. Must not throw. */
export interface ClientJudge {
  /** One could not be connected. */
  failed(backend: Backend): void;
  /** One was connected. */
  connected(backend: Backend): void;
}

/** What can be changed of a pool while it runs. What is absent stays as it is; groups of options are replaced as a whole. */
export type PoolChange = Partial<Omit<PoolOptions, "name" | "clock" | "random" | "judge">>;

/** How an accepted connection gets to its backend: its bytes are copied, or it is handed to a child process. */
export type DispatchName = "splice" | "hand-over";

/** Everything that happens to a pool. Called synchronously once it has happened; must not throw. */
export interface PoolHandler {
  /** A backend was added. */
  onAdd?(backend: Backend): void;
  /** A backend was taken out. */
  onRemove?(backend: Backend): void;
  /** The state of a backend is another one. */
  onState?(backend: Backend, from: BackendState, to: BackendState): void;
  /** Something of a backend may be another than before that counts for who is picked, but for its connections. Before `onState`. */
  onChange?(backend: Backend): void;
  /** The pool was configured: its options may be others. */
  onConfigure?(): void;
}

/** One pool of `/api/pools`. */
export interface PoolSnapshot {
  /** Unique among the pools. */
  readonly name: string;
  /** Who gets the next client. */
  readonly policy: PolicyName;
  /** How clients get to their backends. */
  readonly dispatch: DispatchName;
  /** Its backends, in the order added. */
  readonly backends: readonly BackendSnapshot[];
}

/** A place for one client on a backend, counted until it is disposed; disposing again does nothing. */
export interface Lease extends Disposable {
  /** Who has the place. */
  readonly backend: Backend;
}

/** Options for {@linkcode Pool.wait}. */
export interface QueueWaitOptions {
  /** Who has been tried for this client. */
  readonly except?: ReadonlySet<Backend> | undefined;
  /** Ends the wait: the promise rejects with the signal's reason. */
  readonly signal: AbortSignal;
}

/**
 * The backends that serve one purpose, and who of them gets the next client.
 *
 * Disposing removes all backends and sends away who waits; no timer is left then.
 */
export interface Pool extends Disposable {
  /** What it is called. */
  readonly name: string;
  /** Who gets the next client. */
  readonly policy: PolicyName;
  /** How clients get to their backends. */
  readonly dispatch: DispatchName;
  /** When a backend goes down and comes up again. */
  readonly heartbeat: HeartbeatOptions;
  /** Where clients' keys are found; undefined where no key is asked for: under any policy but `key-hash`. */
  readonly key: KeySource | undefined;
  /** How many backends it has. */
  readonly size: number;
  /** How many clients wait for a place, those who do elsewhere included. */
  readonly queued: number;
  /** @internal How many wait at other processes or threads of the same balancer, as far as they have told. @default {0} */
  queuedElsewhere: number;
  /**
   * How many connections the backends that are up or suspect and have a weight can have: what each says of itself, else its
   * `maxConnections`. Undefined when one of them has neither; 0 when there is none.
   */
  readonly capacity: number | undefined;
  /** While it drains it gives no leases; those that are held go on. */
  readonly isDraining: boolean;
  /** Gives no leases from now on, and sends away who waits. */
  drain(): void;
  /** Gives leases again. */
  undrain(): void;
  /**
   * Changes the pool while it runs. Leases stay; a new policy begins with the connections that there are.
   *
   * @throws {RangeError} with a sentence, when what comes out is no pool; nothing is changed then.
   */
  configure(change: PoolChange): void;
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
  /** The backend of that name. */
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
  /**
   * Picks a backend for a client, who waits for it while the backends are only full. First come, first served, as places are given
   * back and backends become available.
   *
   * @returns The lease; `queue_full` at once when as many wait as may, `queue_timeout` after as long as one may wait; undefined
   *   when there is nothing to wait for, and when the pool begins to drain.
   * @throws The signal's reason. A lease that came before is the caller's all the same.
   */
  wait(
    client: Client,
    options: QueueWaitOptions,
  ): Promise<Lease | "queue_full" | "queue_timeout" | undefined>;
  /** Folds an event of its heartbeat into a backend. Does nothing when it has been removed. */
  beat(backend: Backend, event: Exclude<HeartbeatEvent, "failed">): void;
  /**
   * Notes what a backend says of itself. One that says it drains gets no new clients until it says otherwise, or no more; what an
   * operator wants goes before. Does nothing when it has been removed.
   */
  report(backend: Backend, answer: ProbeAnswer): void;
  /**
   * Notes that a client could not be connected to the backend of `lease`, which is still to be disposed; counts it in the backend's
   * `connectFailures`.
   *
   * - Counts as a missed heartbeat, one at most between two that are sent, however many clients fail.
   * - When the clients of as many intervals as the heartbeat's threshold have failed and none was {@linkcode connected} in between,
   *   the backend is held: it is down for 10 s, the second time 20 s, and so on up to 300 s; 300 s after its last hold it begins with
   *   10 s again. Answers to its heartbeat do not end that; once its heartbeat says that it is down, that alone decides.
   * - Never are more than half of the backends that could serve held.
   */
  failed(lease: Lease): void;
  /** Notes that a client was connected to the backend of `lease`: those that failed before count no more for a hold. */
  connected(lease: Lease): void;
  /** @internal Takes over what another process thinks of a backend. Does nothing when it has been removed. */
  reflect(backend: Backend, seen: SeenBackend): void;
  /**
   * @internal Notes that others have `elsewhere` connections to a backend now, which count as ours do, and have picked it `more` times since the
   * last call. One that has been removed is counted, too.
   */
  countElsewhere(backend: Backend, elsewhere: number, more?: number): void;
  /** Tells `handler` of every backend there is, by `onAdd`, and then of everything that happens until disposed. */
  watch(handler: PoolHandler): Disposable;
}

/**
 * Makes an empty pool. @throws {RangeError} with a sentence that says which option is wrong.
 *
 * @example A client gets a place, and gives it back
 * ```ts
 * import assert from "node:assert/strict";
 * import { createPool } from "chorus";
 *
 * using pool = createPool({ name: "games", policy: "least-connections" });
 * const backend = pool.add({ address: { host: "10.0.0.7", port: 6000 } });
 * {
 *   using lease = pool.acquire({ host: "192.0.2.1" });
 *   assert.equal(lease?.backend, backend);
 *   assert.equal(backend.active, 1);
 * }
 * assert.equal(backend.active, 0);
 * ```
 */
export function createPool(options: PoolOptions): Pool {
  checkPool("create pool", options);
  return new RunningPool(options);
}
