import type { AdminState, BackendChange, BackendSpec } from "../pool/backend.ts";
import type { BackendConfiguration, BalancerConfiguration, PoolConfiguration } from "./contract.ts";
import { isSame } from "./difference.ts";

/**
 * What was changed at run time, by pool and by backend. A value: a change makes another one.
 *
 * Each change keeps its base, which is what the configuration said at that time. It holds until the configuration says otherwise.
 */
export type Overrides = ReadonlyMap<string, ReadonlyMap<string, BackendOverride>>;

/** What was changed of one backend. At least one of it is there. */
export interface BackendOverride {
  /** `added`: one that the configuration does not name, or names with other properties. `removed`: one that it names. */
  readonly presence?: Added | Removed | undefined;
  readonly weight?: Changed<number> | undefined;
  readonly maxConnections?: Changed<number | "none"> | undefined;
  /** Its base is `enabled` where the configuration named the backend: there is no key for it. */
  readonly admin?: Changed<AdminState> | undefined;
}

/** A backend that was added at run time. */
export interface Added {
  readonly kind: "added";
  readonly backend: BackendConfiguration;
  readonly base?: BackendConfiguration | undefined;
}

/** A backend of the configuration that was removed at run time. */
export interface Removed {
  readonly kind: "removed";
  readonly base: BackendConfiguration;
}

/** One property that was changed at run time. The base is absent where the configuration did not name the backend. */
export interface Changed<T> {
  readonly value: T;
  readonly base?: T | undefined;
}

/** What an operator does to a backend. What is absent of a `change` stays as it is. */
export type RuntimeChange =
  | { readonly kind: "add"; readonly backend: BackendConfiguration }
  | { readonly kind: "remove"; readonly backend: string }
  | {
      readonly kind: "change";
      readonly backend: string;
      readonly weight?: number | undefined;
      readonly maxConnections?: number | "none" | undefined;
      readonly admin?: AdminState | undefined;
    };

/** A configuration as far as overrides go. */
export type ConfiguredPools = Pick<BalancerConfiguration, "pools">;

/** Nothing was changed. */
export const NO_OVERRIDES: Overrides = new Map();

/** The most backends that changes are kept of. */
export const MAX_OVERRIDES = 10_000;

/**
 * Notes one change. What is the same as without any change is not kept: undoing a change leaves nothing.
 *
 * The removal of a backend that only another source names, such as the registry, is not kept: that source decides.
 *
 * @returns The overrides after it; undefined when they are of more than {@linkcode MAX_OVERRIDES} backends.
 */
export function override(
  overrides: Overrides,
  configuration: ConfiguredPools,
  pool: string,
  change: RuntimeChange,
): Overrides | undefined {
  const name = change.kind === "add" ? change.backend.name : change.backend;
  const base = configuration.pools.get(pool)?.backends.find((backend) => backend.name === name);
  const before = overrides.get(pool)?.get(name) ?? {};
  const after = withBackend(overrides, pool, name, apply(before, base, change));
  return countOf(after) > MAX_OVERRIDES ? undefined : after;
}

function apply(
  before: BackendOverride,
  base: BackendConfiguration | undefined,
  change: RuntimeChange,
): BackendOverride {
  switch (change.kind) {
    case "add":
      if (base && isSame(base, change.backend)) return {};
      return { presence: { kind: "added", backend: change.backend, base } };
    case "remove":
      return base ? { presence: { kind: "removed", base } } : {};
    case "change":
      return changeProperties(before, base, change);
  }
}

function changeProperties(
  before: BackendOverride,
  base: BackendConfiguration | undefined,
  { weight, maxConnections, admin }: Extract<RuntimeChange, { kind: "change" }>,
): BackendOverride {
  const said = before.presence?.kind === "added" ? before.presence.backend : base;
  const limit = said && (said.maxConnections ?? "none");
  return {
    ...before,
    ...(weight !== undefined && { weight: changed(weight, said?.weight, base?.weight) }),
    ...(maxConnections !== undefined && {
      maxConnections: changed(maxConnections, limit, base && (base.maxConnections ?? "none")),
    }),
    ...(admin !== undefined && { admin: changed(admin, "enabled", base && "enabled") }),
  };
}

function changed<T>(value: T, said: T | undefined, base: T | undefined): Changed<T> | undefined {
  return value === said ? undefined : { value, base };
}

function withBackend(overrides: Overrides, pool: string, backend: string, next: BackendOverride): Overrides {
  const backends = new Map(overrides.get(pool));
  if (Object.values(next).some((part) => part !== undefined)) backends.set(backend, next);
  else backends.delete(backend);
  const pools = new Map(overrides);
  if (backends.size > 0) pools.set(pool, backends);
  else pools.delete(pool);
  return pools;
}

function countOf(overrides: Overrides): number {
  return overrides.values().reduce((sum, backends) => sum + backends.size, 0);
}

/** What is left of overrides under a configuration. */
export interface Reconciled {
  readonly overrides: Overrides;
  /** What the configuration has taken back, for people to read. */
  readonly dropped: readonly {
    readonly pool: string;
    readonly backend: string;
    readonly part: OverridePart;
  }[];
}

/** What can be changed of a backend. */
export type OverridePart = "presence" | "weight" | "maxConnections" | "admin";

/** Drops the changes whose base is no longer what the configuration says, and those of pools that are gone. */
export function reconcile(overrides: Overrides, configuration: ConfiguredPools): Reconciled {
  const dropped: { pool: string; backend: string; part: OverridePart }[] = [];
  const left = new Map<string, ReadonlyMap<string, BackendOverride>>();
  for (const [pool, backends] of overrides) {
    const configured = configuration.pools.get(pool);
    const bases = new Map(configured?.backends.map((backend) => [backend.name, backend]));
    const kept = new Map<string, BackendOverride>();
    const countBefore = dropped.length;
    for (const [backend, found] of backends) {
      const outdated = configured ? outdatedParts(found, bases.get(backend)) : partsOf(found);
      dropped.push(...outdated.map((part) => ({ pool, backend, part })));
      if (outdated.length < partsOf(found).length) kept.set(backend, { ...found, ...without(outdated) });
    }
    keep(left, pool, dropped.length > countBefore ? kept : backends);
  }
  return { overrides: left, dropped };
}

/** Where nothing was dropped, it is the very same as before. */
function keep<T>(
  left: Map<string, ReadonlyMap<string, T>>,
  pool: string,
  kept: ReadonlyMap<string, T>,
): void {
  if (kept.size > 0) left.set(pool, kept);
}

function outdatedParts(found: BackendOverride, base: BackendConfiguration | undefined): OverridePart[] {
  const bases: Readonly<Record<OverridePart, unknown>> = {
    presence: base,
    weight: base?.weight,
    maxConnections: base && (base.maxConnections ?? "none"),
    admin: base && "enabled",
  };
  return partsOf(found).filter((part) => !isSame(found[part]?.base, bases[part]));
}

function partsOf(found: BackendOverride): OverridePart[] {
  const parts: readonly OverridePart[] = ["presence", "weight", "maxConnections", "admin"];
  return parts.filter((part) => found[part] !== undefined);
}

function without(parts: readonly OverridePart[]): BackendOverride {
  return Object.fromEntries(parts.map((part) => [part, undefined]));
}

/** The backends of a pool after what was changed at run time, by who named them. */
export interface EffectiveBackends {
  readonly config: readonly BackendSpec[];
  readonly admin: readonly BackendSpec[];
}

/** What a pool runs with: what the configuration names and what was added, as they were changed. */
export function effectiveBackends(pool: PoolConfiguration, overrides: Overrides): EffectiveBackends {
  const own = overrides.get(pool.name) ?? new Map<string, BackendOverride>();
  const config = pool.backends
    .filter(({ name }) => own.get(name)?.presence === undefined)
    .map((backend) => toSpec(backend, "config", own.get(backend.name)));
  const admin = [...own.values()].flatMap((found) =>
    found.presence?.kind === "added" ? [toSpec(found.presence.backend, "admin", found)] : [],
  );
  return { config, admin };
}

/** What was changed of a backend that another source names; undefined when nothing was. */
export function changeOf(overrides: Overrides, pool: string, backend: string): BackendChange | undefined {
  const found = overrides.get(pool)?.get(backend);
  if (!found) return undefined;
  const { weight, maxConnections, admin } = found;
  return {
    ...(weight && { weight: weight.value }),
    ...(maxConnections && { maxConnections: toLimit(maxConnections.value) }),
    ...(admin && { admin: admin.value }),
  };
}

function toSpec(
  { maxConnections, ...backend }: BackendConfiguration,
  source: string,
  found: BackendOverride = {},
): BackendSpec {
  const limit = found.maxConnections ? found.maxConnections.value : (maxConnections ?? "none");
  return {
    ...backend,
    source,
    weight: found.weight?.value ?? backend.weight,
    admin: found.admin?.value ?? "enabled",
    maxConnections: toLimit(limit),
  };
}

function toLimit(found: number | "none"): number {
  return found === "none" ? Number.POSITIVE_INFINITY : found;
}
