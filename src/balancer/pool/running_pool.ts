import { type Clock, systemClock } from "../../async/mod.ts";
import type { BackendState, Client, KeySource, PolicyName } from "../contract.ts";
import { beat, type Health, type HeartbeatEvent, type HeartbeatOptions } from "../heartbeat/heartbeat.ts";
import { makePolicy } from "../policy/policies.ts";
import type { ProbeAnswer } from "../probe/contract.ts";
import {
  type Backend,
  type BackendChange,
  BackendRecord,
  type BackendSpec,
  checkBackend,
  type SeenBackend,
} from "./backend.ts";
import { ClientVerdicts } from "./client_verdicts.ts";
import { CountedLease } from "./counted_lease.ts";
import type { PlaceRequest } from "./place_request.ts";
import type {
  DispatchName,
  Lease,
  Pool,
  PoolChange,
  PoolHandler,
  PoolOptions,
  PoolSnapshot,
  QueueWaitOptions,
} from "./pool.ts";
import { changedOptions, checkRoom } from "./pool_options.ts";
import { Queue, type Waiting } from "./queue.ts";
import { SlowStart } from "./slow_start.ts";
import { Tiers } from "./tiers.ts";

const NOBODY: ReadonlySet<Backend> = new Set();

/** The one kind of {@linkcode Pool}. Its options have been checked. */
export class RunningPool implements Pool {
  readonly name: string;
  readonly #clock: Clock;
  readonly #members = new Map<string, BackendRecord>();
  readonly #watchers = new Set<PoolHandler>();
  readonly #queue: Queue<PlaceRequest, Lease>;
  readonly #slowStart: SlowStart<BackendRecord>;
  readonly #verdicts: ClientVerdicts;
  readonly #giveBack = (record: BackendRecord): void => {
    // From hand to hand, so that nothing changes for the policy: shutting and opening is dear to some.
    const isForOthers = this.#queue.size > 0 && record.tier && record.isOpen && !record.isOverfull;
    const next = isForOthers ? this.#nextFor(record) : undefined;
    if (!next) this.#tiers.giveBack(record);
    else {
      record.total += 1;
      next.settle(new CountedLease(record, this.#giveBack));
    }
  };
  #options: PoolOptions;
  #tiers: Tiers;
  #isDraining = false;
  queuedElsewhere = 0;

  constructor(options: PoolOptions) {
    this.name = options.name;
    this.#clock = options.clock ?? systemClock;
    this.#options = options;
    this.#tiers = new Tiers(() => makePolicy(options));
    this.#queue = new Queue(this.#clock);
    this.#slowStart = new SlowStart(this.#clock, (record) => this.#place(record));
    this.#verdicts = new ClientVerdicts(this.#clock, {
      heartbeat: () => this.heartbeat,
      usable: () => this.#tiers.usable,
      setHealth: (record, health) => this.#setHealth(record, health),
      changed: (record, from) => this.#changed(record, from),
    });
  }

  get policy(): PolicyName {
    return this.#options.policy;
  }

  get dispatch(): DispatchName {
    return this.#options.dispatch ?? "splice";
  }

  get heartbeat(): HeartbeatOptions {
    return this.#options.heartbeat ?? {};
  }

  get key(): KeySource | undefined {
    return this.policy === "key-hash" ? this.#options.key : undefined;
  }

  get size(): number {
    return this.#members.size;
  }

  get queued(): number {
    return this.#queue.size + this.queuedElsewhere;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  get capacity(): number | undefined {
    return this.#tiers.capacity;
  }

  drain(): void {
    this.#isDraining = true;
    this.#queue.sendAway();
  }

  undrain(): void {
    this.#isDraining = false;
  }

  configure(change: PoolChange): void {
    const options = changedOptions(this.#options, change);
    const before = this.#options;
    this.#options = options;
    if (!options.slowStartMs) this.#slowStart.endAll();
    if (options.policy !== before.policy || options.fallback !== before.fallback)
      this.#tiers = this.#tiers.replacedBy(() => makePolicy(options), this.#members.values());
    for (const watcher of this.#watchers) watcher.onConfigure?.();
  }

  add(spec: BackendSpec): Backend {
    checkBackend("add backend", spec);
    const record = new BackendRecord(spec, this.#clock.wallNow(), this.#tiers.hasProven);
    checkRoom(this, record.name);
    this.#members.set(record.name, record);
    this.#tiers.place(record);
    for (const watcher of this.#watchers) watcher.onAdd?.(record);
    this.#serve(record);
    return record;
  }

  remove(name: string): Backend | undefined {
    const record = this.#members.get(name);
    if (!record) return undefined;
    this.#members.delete(name);
    this.#verdicts.forget(record);
    this.#slowStart.end(record);
    this.#tiers.remove(record);
    for (const watcher of this.#watchers) watcher.onRemove?.(record);
    return record;
  }

  change(name: string, change: BackendChange): Backend | undefined {
    checkBackend("change backend", change);
    const record = this.#members.get(name);
    if (!record) return undefined;
    const from = record.state();
    record.change(change);
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
    return { name: this.name, policy: this.policy, dispatch: this.dispatch, backends };
  }

  acquire(client: Client, except: ReadonlySet<Backend> = NOBODY): Lease | undefined {
    if (this.#isDraining) return undefined;
    const record = this.#tiers.take(client, except);
    return record && new CountedLease(record, this.#giveBack);
  }

  async wait(
    client: Client,
    { except = NOBODY, signal }: QueueWaitOptions,
  ): Promise<Lease | "queue_full" | "queue_timeout" | undefined> {
    signal.throwIfAborted();
    const lease = this.acquire(client, except);
    if (lease) return lease;
    if (this.#isDraining || !this.#tiers.hasFull(except)) return undefined;
    return await this.#queue.wait({ client, except }, { ...this.#options.queue, signal });
  }

  beat(backend: Backend, event: Exclude<HeartbeatEvent, "failed">): void {
    const record = this.#recordOf(backend);
    if (!record) return;
    if (event !== "sent") record.hasMissed = event === "overdue";
    this.#setHealth(record, beat(record.health, event, this.heartbeat));
  }

  report(backend: Backend, answer: ProbeAnswer): void {
    const record = this.#recordOf(backend);
    if (!record) return;
    const from = record.state();
    const wasDraining = record.reported?.isDraining === true;
    record.reported = answer;
    if (wasDraining !== (answer.isDraining === true)) this.#changed(record, from);
  }

  failed({ backend }: Lease): void {
    backend.counters.connectFailures += 1;
    const record = this.#recordOf(backend);
    if (record) (this.#options.judge ?? this.#verdicts).failed(record);
  }

  connected({ backend }: Lease): void {
    const record = this.#recordOf(backend);
    if (record) (this.#options.judge ?? this.#verdicts).connected(record);
  }

  reflect(backend: Backend, seen: SeenBackend): void {
    const record = this.#recordOf(backend);
    if (!record) return;
    const from = record.state();
    record.see(seen);
    this.#changed(record, from);
    record.ramp = seen.ramp;
    this.#tiers.place(record);
  }

  countElsewhere(backend: Backend, elsewhere: number, more = 0): void {
    // Whoever has left counts its connections all the same, and all backends are records.
    (backend as BackendRecord).countElsewhere(elsewhere, more);
    const record = this.#recordOf(backend);
    if (!record) return;
    this.#tiers.place(record);
    this.#serve(record);
  }

  watch(handler: PoolHandler): Disposable {
    this.#watchers.add(handler);
    for (const record of this.#members.values()) handler.onAdd?.(record);
    return { [Symbol.dispose]: () => void this.#watchers.delete(handler) };
  }

  [Symbol.dispose](): void {
    this.drain();
    for (const name of this.#members.keys()) this.remove(name);
  }

  #recordOf(backend: Backend): BackendRecord | undefined {
    const record = this.#members.get(backend.name);
    return record === backend ? record : undefined;
  }

  #setHealth(record: BackendRecord, health: Health): void {
    if (health === record.health) return;
    const from = record.state();
    const was = record.health.verdict;
    record.health = health;
    // Most events only count: nothing for a policy to know.
    if (health.verdict === was) return;
    if (health.verdict === "down") this.#verdicts.release(record);
    if (was === "new" && health.verdict === "up" && record.hasJoinedOthers) this.#startSlowly(record);
    this.#changed(record, from);
  }

  #startSlowly(record: BackendRecord): void {
    const { slowStartMs = 0 } = this.#options;
    if (slowStartMs > 0) this.#slowStart.begin(record, slowStartMs);
  }

  #changed(record: BackendRecord, from: BackendState): void {
    const to = record.state();
    if (from === "down" && (to === "up" || to === "suspect")) this.#startSlowly(record);
    if (to === "down") this.#slowStart.end(record);
    this.#place(record);
    if (from !== to) this.#tellState(record, from, to);
    this.#serve(record);
  }

  #place(record: BackendRecord): void {
    this.#tiers.place(record);
    for (const watcher of this.#watchers) watcher.onChange?.(record);
  }

  #tellState(record: BackendRecord, from: BackendState, to: BackendState): void {
    record.stateSince = this.#clock.wallNow();
    record.counters.stateChanges += 1;
    for (const watcher of this.#watchers) watcher.onState?.(record, from, to);
  }

  /** Gives the places of a backend to those who wait. */
  #serve(record: BackendRecord): void {
    while (record.tier && record.available) {
      const next = this.#nextFor(record);
      const lease = next && this.acquire(next.request.client, next.request.except);
      if (!lease) return;
      next.settle(lease);
    }
  }

  /** Who waits longest of those that have not tried this backend. */
  #nextFor(record: BackendRecord): Waiting<PlaceRequest, Lease> | undefined {
    return this.#queue.first(({ except }) => !except.has(record));
  }
}
