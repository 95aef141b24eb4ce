import type { Registry } from "../../registry/mod.ts";
import type { BalancerConfiguration, PoolConfiguration } from "../configuration/contract.ts";
import type { Overrides } from "../configuration/overrides.ts";
import type { SharedLimit } from "../frontend/access.ts";
import type { FrontendPlan } from "./managed_frontend.ts";
import type { ManagedPool, PoolPlan } from "./managed_pool.ts";
import type { TlsContexts } from "./tls_contexts.ts";

/** What a balancer is to work by. */
export interface Settings {
  readonly configuration: BalancerConfiguration;
  readonly tls: TlsContexts;
  readonly registry: Registry | undefined;
  /** What was changed at run time. */
  readonly overrides: Overrides;
  /** The limit of all frontends together. */
  readonly shared: SharedLimit | undefined;
}

/** What becomes of a pool. */
export function planPool({ tls, registry, overrides }: Settings, pool: PoolConfiguration): PoolPlan {
  return {
    configuration: pool,
    tls: tls.pools.get(pool.name),
    registry: pool.registry === undefined ? undefined : registry,
    overrides: overrides.get(pool.name),
  };
}

/** What becomes of each frontend. @param poolAt The pool of a name, which is there. */
export function planFrontends(
  { configuration, tls, shared }: Settings,
  poolAt: (name: string) => ManagedPool | undefined,
): FrontendPlan[] {
  return Array.from(configuration.frontends.values(), (frontend) => {
    const to = poolAt(frontend.pool);
    if (!to) throw new RangeError(`Cannot apply configuration: there is no pool "${frontend.pool}"`);
    return { configuration: frontend, tls: tls.frontends.get(frontend.name), to, shared };
  });
}

/** What a change of the configuration has changed, by names. */
export interface AppliedChanges {
  /** The names of the pools. */
  readonly pools: NamedChanges;
  /** The names of the frontends. */
  readonly frontends: NamedChanges;
}

/** Names of what is new, of what has gone, and of what is there in another way. */
export interface NamedChanges {
  /** Those that are new. */
  readonly added: readonly string[];
  /** Those that have gone. */
  readonly removed: readonly string[];
  /** Those that are there in another way. */
  readonly changed: readonly string[];
}

/** Compares names. */
export function changesOf(
  before: readonly string[],
  after: readonly string[],
  changed: readonly string[],
): NamedChanges {
  return {
    added: after.filter((name) => !before.includes(name)),
    removed: before.filter((name) => !after.includes(name)),
    changed,
  };
}
