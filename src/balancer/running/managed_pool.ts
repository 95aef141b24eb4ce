import type { TlsClientContext } from "../../net/mod.ts";
import type { PoolConfiguration } from "../configuration/contract.ts";
import { isSame } from "../configuration/difference.ts";
import { type BackendOverride, changeOf, effectiveBackends } from "../configuration/overrides.ts";
import { limitAge } from "../connection/age.ts";
import type { TableEntry } from "../connection/contract.ts";
import { type Fate, watchFates } from "../connection/fates.ts";
import { rebalance } from "../connection/rebalance.ts";
import { ADMIN_SOURCE, Membership } from "../discovery/membership.ts";
import { Dialer } from "../frontend/dialer.ts";
import { type Monitor, monitor } from "../heartbeat/monitor.ts";
import type { Backend } from "../pool/backend.ts";
import { createPool, type Pool, type PoolChange } from "../pool/pool.ts";
import { type BalancerContext, tellerOf } from "./context.ts";
import { heartbeatOf, probeOf } from "./heartbeat_probe.ts";
import { PoolSources, type SourcePlan } from "./pool_sources.ts";

/** What a pool is made of and can be changed to. */
export interface PoolPlan extends SourcePlan {
  /** What was changed of its backends at run time. */
  readonly overrides: PoolOverrides;
  /** How its backends are spoken to in TLS, where they are. */
  readonly tls: TlsClientContext | undefined;
}

/** What was changed of a pool's backends at run time, by their names. */
export type PoolOverrides = ReadonlyMap<string, BackendOverride> | undefined;

/** A pool with all that belongs to it: where its backends come from, how they are probed and dialed, what becomes of their connections. */
export class ManagedPool implements AsyncDisposable {
  readonly pool: Pool;
  readonly membership: Membership;
  readonly #context: BalancerContext;
  readonly #sources: PoolSources;
  /** Absent where others probe. */
  readonly #monitor: Monitor | undefined;
  readonly #fates: Disposable;
  #plan: PoolPlan;
  #dialer: Dialer;
  /** What holds for as long as the part of the configuration that it is about. */
  #age: Disposable | undefined;
  #rebalance: Disposable | undefined;
  /** The names of those whom operators have added. */
  #added: ReadonlySet<string> = new Set();
  readonly #finds: Disposable;

  constructor(plan: PoolPlan, context: BalancerContext) {
    const { configuration } = plan;
    const { table, clock, report } = context;
    this.#plan = plan;
    this.#context = context;
    this.pool = createPool({
      name: configuration.name,
      ...optionsOf(configuration),
      policy: configuration.policy,
      clock,
      judge: context.judge,
    });
    this.#dialer = dialerOf(plan, context);
    this.membership = new Membership(this.pool, {
      clock,
      drainMs: () => this.configuration.connections.drainMs,
      onDrain: (backend, drainMs) => this.#leave(backend, drainMs),
      onError: report,
    });
    this.#sources = new PoolSources(this.membership, context);
    if (!context.judge) this.#monitor = monitor({ pool: this.pool, probe: this.#probe(), clock });
    this.#fates = watchFates(this.pool, table, () => {
      const { onDown, onUp, onBackup } = this.#plan.configuration.connections;
      return { down: onDown, up: onUp, backup: onBackup };
    });
    this.#finds = this.pool.watch({
      onAdd: (backend) => {
        // An earlier backend of its name may have left while it drained.
        this.#resume(backend);
        this.#changeFound(backend);
      },
    });
    this.#setLimits();
  }

  get configuration(): PoolConfiguration {
    return this.#plan.configuration;
  }

  /** How its backends are connected to, from now on. */
  get dialer(): Dialer {
    return this.#dialer;
  }

  /** Fills it from its sources. Resolves when each has been read once, or has taken too long. */
  async fill(): Promise<void> {
    this.#fillConfigured();
    await this.#sources.follow(this.#plan);
  }

  /** Other things than before were changed at run time. */
  override(overrides: PoolOverrides): void {
    this.#plan = { ...this.#plan, overrides };
    this.#fillConfigured();
  }

  /** Whether a plan asks for anything that is not so. */
  differsFrom(plan: PoolPlan): boolean {
    const { configuration, tls, registry, overrides } = this.#plan;
    const isSamePool = isSame(configuration, plan.configuration) && overrides === plan.overrides;
    const isSameOutside = tls === plan.tls && registry === plan.registry;
    return !(isSamePool && isSameOutside && this.#sources.follows(plan));
  }

  /** Becomes what another plan says; what is the same in both stays untouched. */
  async configure(plan: PoolPlan): Promise<void> {
    const before = this.#plan;
    this.#plan = plan;
    this.pool.configure(optionsOf(plan.configuration));
    if (!isSame(dialing(before), dialing(plan)) || before.tls !== plan.tls) {
      this.#dialer = dialerOf(plan, this.#context);
      this.#monitor?.use(this.#probe());
    } else if (!isSame(before.configuration.heartbeat, plan.configuration.heartbeat)) {
      this.#monitor?.use(this.#probe());
    }
    if (!isSame(before.configuration.connections, plan.configuration.connections)) this.#setLimits();
    await this.fill();
  }

  /** Takes no clients any more, and closes what it has by a deadline. Resolves when it has none. */
  drain(deadlineMs: number): Promise<void> {
    this.pool.drain();
    const { table, drains, servers } = this.#context;
    const target = { kind: "pool", name: this.pool.name } as const;
    const select = () => Array.from(this.pool.backends(), (backend) => [...table.of(backend)]).flat();
    const coming = (): number => this.#active() - select().length;
    const tell = tellerOf(servers, this.pool.backends());
    return drains.start(target, { of: this.pool, select, coming, tell }, deadlineMs);
  }

  undrain(): void {
    this.#context.drains.stop(this.pool);
    this.pool.undrain();
    for (const backend of this.pool.backends()) if (backend.admin !== "draining") this.#resume(backend);
  }

  /** Takes no new clients on a backend, and closes what it has by a deadline; it stays in the pool. */
  drainBackend(backend: Backend, deadlineMs: number): Promise<void> {
    const { table, drains, servers } = this.#context;
    const target = { kind: "backend", name: backend.name, pool: this.pool.name } as const;
    const select = (): Iterable<TableEntry> => table.of(backend);
    const coming = (): number => this.#activeOf(backend) - table.of(backend).size;
    const tell = tellerOf(servers, [backend]);
    return drains.start(target, { of: backend, select, coming, tell }, deadlineMs);
  }

  /** A backend has left, and has connections here of which whoever removed it may not have known: they go as the configuration wants. */
  dismiss(backend: Backend): void {
    this.#leave(backend, this.configuration.connections.drainMs);
  }

  undrainBackend(backend: Backend): void {
    this.#context.drains.stop(backend);
    if (!this.pool.isDraining) this.#resume(backend);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sources[Symbol.asyncDispose]();
    this.#fates[Symbol.dispose]();
    this.#finds[Symbol.dispose]();
    this.#age?.[Symbol.dispose]();
    this.#rebalance?.[Symbol.dispose]();
    this.membership[Symbol.dispose]();
    await this.#monitor?.close();
    this.pool[Symbol.dispose]();
  }

  /** Names those whom the configuration and operators want. */
  #fillConfigured(): void {
    const { configuration, overrides } = this.#plan;
    const { config, admin } = effectiveBackends(
      configuration,
      new Map([[configuration.name, overrides ?? new Map()]]),
    );
    this.membership.update("config", config);
    const added = new Set(admin.map(({ name = "" }) => name));
    for (const name of this.#added) if (!added.has(name)) this.membership.drop(ADMIN_SOURCE, name);
    for (const spec of admin) this.membership.put(ADMIN_SOURCE, spec);
    this.#added = added;
  }

  /** What was changed of a backend that another source names holds as soon as it is there. */
  #changeFound({ name, source }: Backend): void {
    const { configuration, overrides } = this.#plan;
    if (!overrides || source === "config" || source === ADMIN_SOURCE) return;
    const change = changeOf(new Map([[configuration.name, overrides]]), configuration.name, name);
    if (change) this.pool.change(name, change);
  }

  /** Its server, where it was told to drain, is to take clients again. */
  #resume(backend: Backend): void {
    // Owned by the servers: it never rejects.
    void this.#context.servers?.undrain(backend)?.then(() => {
      // What it has answered before may be on its way, and say that it drains.
      this.#monitor?.askAnew(backend);
      if (backend.reported?.isDraining) this.pool.report(backend, { ...backend.reported, isDraining: false });
    });
  }

  #active(): number {
    let active = 0;
    for (const backend of this.pool.backends()) active += this.#activeOf(backend);
    return active;
  }

  /** Whoever is judged elsewhere waits for its own connections alone. */
  #activeOf({ active, elsewhere }: Backend): number {
    return this.#context.judge ? active - elsewhere : active;
  }

  #probe() {
    const { heartbeat } = this.configuration;
    return this.#dialer.probe((driver) => probeOf(heartbeat, driver));
  }

  /** A backend is to leave: its connections go as the configuration wants. */
  #leave(backend: Backend, drainMs: number): Disposable | undefined {
    const { table, drains } = this.#context;
    const fate = this.configuration.connections.onRemoved;
    if (fate === "keep") {
      // An operator drains it already and wants it sooner: that holds, even where its source names it again.
      if ((drains.remainingMs(backend) ?? Number.POSITIVE_INFINITY) <= drainMs) return undefined;
      void this.drainBackend(backend, drainMs);
      return { [Symbol.dispose]: () => this.undrainBackend(backend) };
    }
    const overMs = Math.min(spreadOf(fate), drainMs);
    this.#context.servers?.dismiss?.(backend, overMs);
    return table.closeSpread(() => table.of(backend), {
      reason: "backend_removed",
      deadlineMs: overMs,
      overMs,
    });
  }

  #setLimits(): void {
    const { table } = this.#context;
    const { maxAgeMs, rebalancePerSecond: perSecond } = this.configuration.connections;
    this.#age?.[Symbol.dispose]();
    this.#age = maxAgeMs === undefined ? undefined : limitAge(table, { maxAgeMs, pool: this.pool.name });
    this.#rebalance?.[Symbol.dispose]();
    this.#rebalance = perSecond ? rebalance(this.pool, table, { perSecond }) : undefined;
  }
}

function spreadOf(fate: Exclude<Fate, "keep">): number {
  return fate === "close" ? 0 : fate.spreadMs;
}

function optionsOf(configuration: PoolConfiguration): PoolChange {
  const { policy, key, fallback, queue, slowStartMs = 0 } = configuration;
  return { policy, key, fallback, queue, slowStartMs, heartbeat: heartbeatOf(configuration.heartbeat) };
}

/** The parts of a plan that the dialer is made of. */
function dialing({ configuration: { tls, proxyProtocol, connectTimeoutMs } }: PoolPlan): unknown {
  return { tls, proxyProtocol, connectTimeoutMs };
}

function dialerOf({ configuration, tls }: PoolPlan, { driver, nodeId }: BalancerContext): Dialer {
  const { proxyProtocol, connectTimeoutMs } = configuration;
  return new Dialer({ driver, nodeId, tls, proxyProtocol, connectTimeoutMs });
}
