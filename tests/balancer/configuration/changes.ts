/**
 * Changes that are made to a pool at run time, for tests.
 *
 * @module
 */
import { assert } from "@std/assert";
import type {
  BackendConfiguration,
  PoolConfiguration,
} from "../../../src/balancer/configuration/contract.ts";
import {
  type ConfiguredPools,
  effectiveBackends,
  NO_OVERRIDES,
  type Overrides,
  override,
  type RuntimeChange,
} from "../../../src/balancer/configuration/overrides.ts";
import type { BackendSpec } from "../../../src/balancer/pool/backend.ts";
import { file, parsed } from "./configurations.ts";

/** A configuration with the pool `web` of these backends. */
export function configured(...backends: readonly unknown[]): ConfiguredPools {
  return parsed(file({}, { backends }));
}

/** One backend, as the configuration has it. */
export function backend(text: string): BackendConfiguration {
  const [found] = poolOf(configured(text)).backends;
  assert(found);
  return found;
}

/** The pool `web` of a configuration. */
export function poolOf(configuration: ConfiguredPools): PoolConfiguration {
  const pool = configuration.pools.get("web");
  assert(pool);
  return pool;
}

/** Makes changes to the pool `web`, one after the other. */
export function changed(configuration: ConfiguredPools, ...changes: readonly RuntimeChange[]): Overrides {
  return changes.reduce((overrides: Overrides, change) => {
    const next = override(overrides, configuration, "web", change);
    assert(next);
    return next;
  }, NO_OVERRIDES);
}

/** What the pool `web` runs with, in short and in order. */
export function running(configuration: ConfiguredPools, overrides: Overrides): string[] {
  const { config, admin } = effectiveBackends(poolOf(configuration), overrides);
  return [...config, ...admin].map(inShort).sort();
}

/** A backend in short: `NAME weight/limit state source`. */
export function inShort({ name, weight, maxConnections, admin, source, backup }: BackendSpec): string {
  return `${name} ${weight}/${maxConnections}${backup ? " backup" : ""} ${admin} ${source}`;
}
