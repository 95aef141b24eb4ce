import { systemClock } from "../../async/mod.ts";
import type { Address } from "../../net/mod.ts";
import type { Registry } from "../../registry/mod.ts";
import type { BalancerConfiguration } from "../configuration/contract.ts";
import {
  NO_OVERRIDES,
  type Overrides,
  override,
  type Reconciled,
  type RuntimeChange,
  reconcile,
} from "../configuration/overrides.ts";
import { ConnectionTable } from "../connection/table.ts";
import { SharedLimit } from "../frontend/access.ts";
import type { BalancerOptions } from "./balancer_options.ts";
import { BalancerClosedError } from "./closed_error.ts";
import { ConfigurationError } from "./configuration_error.ts";
import type { BalancerContext } from "./context.ts";
import { Drains } from "./drains.ts";
import { FrontendSet } from "./frontend_set.ts";
import type { FrontendPlan, ManagedFrontend } from "./managed_frontend.ts";
import { ManagedPool } from "./managed_pool.ts";
import { type AppliedChanges, changesOf, planFrontends, planPool, type Settings } from "./plans.ts";
import { TierAnnouncement } from "./tier_announcement.ts";
import { openTls } from "./tls_contexts.ts";

/**
 * Makes a balancer and applies its first configuration. @throws As {@linkcode Balancer.apply}; nothing is left open then.
 *
 * @example One frontend, one pool, and another one later
 * ```ts
 * import assert from "node:assert/strict";
 * import { parseConfiguration, startBalancer, systemDriver } from "chorus";
 *
 * const read = (pool: string) => {
 *   const text = `{ "frontends": { "main": { "listen": "127.0.0.1:0", "pool": "${pool}" } },
 *     "pools": { "${pool}": { "backends": ["10.0.0.7:6000"] } } }`;
 *   const configuration = parseConfiguration(text, "chorus.json");
 *   assert(!Array.isArray(configuration));
 *   return configuration;
 * };
 * const onError = (error: unknown) => assert.fail(String(error));
 * await using balancer = await startBalancer(read("old"), { driver: systemDriver(), nodeId: "edge-1", onError });
 * const { pools } = await balancer.apply(read("new"));
 * assert.deepEqual([pools.added, pools.removed], [["new"], ["old"]]);
 * ```
 */
export async function startBalancer(
  configuration: BalancerConfiguration,
  options: BalancerOptions,
): Promise<Balancer> {
  const balancer = new Balancer(options);
  try {
    await balancer.apply(configuration);
    return balancer;
  } catch (error) {
    await balancer.close();
    throw error;
  }
}

/**
 * A configuration at work: pools and frontends, which change while clients are served.
 *
 * @example A balancer that lets its clients finish
 * ```ts
 * import assert from "node:assert/strict";
 * import { ConfigurationError, parseConfiguration, startBalancer, systemDriver } from "chorus";
 *
 * const text = `{ "frontends": { "main": { "listen": "127.0.0.1:0", "pool": "web" } },
 *   "pools": { "web": { "backends": ["10.0.0.7:6000"] } } }`;
 * const configuration = parseConfiguration(text, "chorus.json");
 * if (Array.isArray(configuration)) throw new ConfigurationError(configuration, "chorus.json");
 * const options = { driver: systemDriver(), nodeId: "edge-1", onError: console.error };
 * const balancer = await startBalancer(configuration, options);
 * const address = balancer.addressOf("main");
 * assert(address && "port" in address && address.port > 0);
 * await balancer.close(10_000);
 * ```
 */
export class Balancer implements AsyncDisposable {
  /** @internal */
  readonly table: ConnectionTable;
  /** @internal */
  readonly drains: Drains;
  readonly #options: BalancerOptions;
  readonly #context: BalancerContext;
  readonly #pools = new Map<string, ManagedPool>();
  readonly #frontends: FrontendSet;
  readonly #tier: TierAnnouncement;
  /** Pools that are no longer wanted, while they have clients. */
  readonly #leaving = new Set<Promise<void>>();
  #settings: Settings | undefined;
  #changing: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;

  /** @internal Use {@linkcode startBalancer}. */
  constructor(options: BalancerOptions) {
    const { clock = systemClock, onError: report } = options;
    this.#options = options;
    this.table = new ConnectionTable(clock);
    this.drains = new Drains(this.table);
    const { table, drains } = this;
    this.#context = { ...options, clock, table, drains, report };
    this.#frontends = new FrontendSet(this.#context);
    this.#tier = new TierAnnouncement(this.#context);
  }

  /** @internal What it works by; undefined before the first one was applied. */
  get settings(): Settings | undefined {
    return this.#settings;
  }

  /** @internal */
  get pools(): ReadonlyMap<string, ManagedPool> {
    return this.#pools;
  }

  /** @internal */
  get frontends(): FrontendSet {
    return this.#frontends;
  }

  /** Where a frontend listens, with the real port; undefined where there is none of that name. */
  addressOf(frontend: string): Address | undefined {
    return this.#frontends.all.get(frontend)?.frontend.address;
  }

  /**
   * Works by another configuration from now on; its certificates and keys are read again. Only what differs is touched: connections of all
   * else do not notice. One change at a time; others wait.
   *
   * When it throws, nothing has changed.
   *
   * @throws {BalancerClosedError} once it is being closed.
   * @throws {ConfigurationError} when a certificate or key cannot be used.
   * @throws {NetError} when a frontend cannot listen.
   * @throws {DiscoveryError} `loop`, the first time, when it is to be announced to balancers that it serves: all is undone by closing it.
   */
  apply(configuration: BalancerConfiguration): Promise<AppliedChanges> {
    const changed = this.#changing.then(() => this.#apply(configuration));
    this.#changing = changed.catch(() => undefined);
    return changed;
  }

  /**
   * @internal Notes what an operator has changed of a backend, so that it survives a restart.
   *
   * @returns False when there are too many such changes.
   */
  override(pool: string, change: RuntimeChange): boolean {
    const settings = this.#settings;
    const managed = this.#pools.get(pool);
    const overrides = settings && override(settings.overrides, settings.configuration, pool, change);
    if (!overrides || !managed) return false;
    this.#settings = { ...settings, overrides };
    managed.override(overrides.get(pool));
    this.#save(overrides);
    return true;
  }

  /**
   * Stops accepting, lets the clients finish for up to `graceMs` and closes those that are left over the last part of it, then ends all.
   * Idempotent: the first call decides.
   */
  close(graceMs: number = 0): Promise<void> {
    this.#closing ??= this.#close(graceMs);
    return this.#closing;
  }

  /** Closes it without grace. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #apply(configuration: BalancerConfiguration): Promise<AppliedChanges> {
    if (this.#closing !== undefined) throw new BalancerClosedError();
    const tls = await openTls(configuration, this.#settings?.tls);
    if ("length" in tls) throw new ConfigurationError(tls, configuration.file);
    const registry = await this.#registryFor(configuration);
    const shared = this.#limitOf(configuration);
    const { overrides } = this.#reconcile(configuration);
    const planned: Settings = { configuration, tls, registry, overrides, shared };
    const made = await this.#makePools(planned);
    const frontends = planFrontends(planned, (name) => made.get(name) ?? this.#pools.get(name));
    const started = await this.#begin(frontends, made);
    // From here on nothing fails.
    const before = { pools: [...this.#pools.keys()], frontends: this.#frontends.names };
    const settings = this.#commit(planned);
    const changedPools = await this.#changePools();
    for (const [name, pool] of made) this.#pools.set(name, pool);
    const changedFrontends = await this.#frontends.finish(frontends, started);
    this.#retirePools(configuration);
    await this.#announce(settings, before.frontends.length === 0);
    return {
      pools: changesOf(before.pools, [...this.#pools.keys()], changedPools),
      frontends: changesOf(before.frontends, this.#frontends.names, changedFrontends),
    };
  }

  /** These are the settings from now on, with all that operators have changed while they were being prepared. */
  #commit(planned: Settings): Settings {
    const { configuration, shared } = planned;
    const { overrides, dropped } = this.#reconcile(configuration);
    const settings = { ...planned, overrides };
    this.#settings = settings;
    if (dropped.length > 0) this.#save(overrides);
    if (shared) shared.most = configuration.limits.maxConnections ?? shared.most;
    return settings;
  }

  #reconcile(configuration: BalancerConfiguration): Reconciled {
    const overrides = this.#settings?.overrides ?? this.#options.state?.overrides ?? NO_OVERRIDES;
    return reconcile(overrides, configuration);
  }

  /** The same one for as long as there is a limit: it has counted who is here. */
  #limitOf({ limits: { maxConnections } }: BalancerConfiguration): SharedLimit | undefined {
    if (maxConnections === undefined) return undefined;
    return this.#settings?.shared ?? new SharedLimit(maxConnections);
  }

  async #registryFor({ redis }: BalancerConfiguration): Promise<Registry | undefined> {
    const { registry, registryAt } = this.#options;
    if (registry || redis === undefined) return registry;
    if (!registryAt)
      throw new RangeError("Cannot apply configuration: it has a registry, the balancer has none");
    return await registryAt(redis);
  }

  async #makePools(settings: Settings): Promise<Map<string, ManagedPool>> {
    const made = new Map<string, ManagedPool>();
    for (const configuration of settings.configuration.pools.values()) {
      if (this.#pools.has(configuration.name)) continue;
      const pool = new ManagedPool(planPool(settings, configuration), this.#context);
      made.set(configuration.name, pool);
      this.#options.onPool?.(pool.pool);
    }
    await Promise.all(Array.from(made.values(), (pool) => pool.fill()));
    return made;
  }

  /** Where a frontend cannot listen, the pools that were made for it go, too. */
  async #begin(
    plans: readonly FrontendPlan[],
    made: ReadonlyMap<string, ManagedPool>,
  ): Promise<ReadonlyMap<string, ManagedFrontend>> {
    try {
      return await this.#frontends.begin(plans);
    } catch (error) {
      for (const pool of made.values()) await pool[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** @returns The names of those that are another than before. */
  async #changePools(): Promise<string[]> {
    const changed: string[] = [];
    for (const [name, pool] of this.#pools) {
      // Each time anew: an operator may have changed something while another pool was changed.
      const settings = this.#settings;
      const configuration = settings?.configuration.pools.get(name);
      const plan = settings && configuration && planPool(settings, configuration);
      if (!plan || !pool.differsFrom(plan)) continue;
      changed.push(name);
      await pool.configure(plan);
    }
    return changed;
  }

  async #announce(settings: Settings, isStart: boolean): Promise<void> {
    try {
      await this.#tier.update(settings, this.#pools, this.#frontends);
    } catch (error) {
      // Whoever starts it is to see that nobody can find it; later its clients go first.
      if (isStart) throw error;
      this.#context.report(error, { during: "announce this balancer" });
    }
  }

  #retirePools(configuration: BalancerConfiguration): void {
    for (const [name, pool] of this.#pools) {
      if (configuration.pools.has(name)) continue;
      this.#pools.delete(name);
      const drained = pool.drain(pool.configuration.connections.drainMs);
      this.#leave(drained.then(() => pool[Symbol.asyncDispose]()));
    }
  }

  #save(overrides: Overrides): void {
    const saved = this.#options.state?.save(overrides);
    // Ended by whoever opened the file.
    void saved?.catch((error: unknown) => this.#context.report(error, { during: "keep what was changed" }));
  }

  #leave(leaving: Promise<void>): void {
    const settled = leaving.catch((error: unknown) => this.#context.report(error, { during: "close" }));
    this.#leaving.add(settled);
    void settled.then(() => this.#leaving.delete(settled));
  }

  async #close(graceMs: number): Promise<void> {
    await this.#changing;
    await this.#tier[Symbol.asyncDispose]();
    const { clock, nodeId } = this.#context;
    // Clients whom others serve are theirs to end.
    const frontends = this.#frontends.list().filter(({ endClients }) => !endClients);
    this.#frontends.drainAll();
    const coming = (): number =>
      frontends.reduce((all, { connections }) => all + connections, 0) - this.table.size;
    const late = Promise.withResolvers<void>();
    const timer = clock.after(graceMs, late.resolve);
    const selection = { of: this, select: () => this.table.entries(), coming };
    await Promise.race([
      this.drains.start({ kind: "process", name: nodeId }, selection, graceMs),
      late.promise,
    ]);
    timer.cancel();
    await this.#frontends.close();
    this.drains[Symbol.dispose]();
    for (const { traffic } of this.table.entries()) traffic.abort();
    await Promise.all(Array.from(this.#pools.values(), (pool) => pool[Symbol.asyncDispose]()));
    await Promise.all([this.#frontends.left(), ...this.#leaving]);
  }
}
