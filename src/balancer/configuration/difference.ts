import { AddressList } from "../../net/mod.ts";
import type { BalancerConfiguration, FrontendConfiguration, PoolConfiguration } from "./contract.ts";
import { filesOfFrontend, filesOfPool, type LoadedFiles, type NamedFile } from "./files.ts";

/** What another configuration adds to one, removes and changes, by name. */
export interface Changes<T> {
  readonly added: readonly T[];
  readonly removed: readonly T[];
  readonly changed: readonly { readonly before: T; readonly after: T }[];
}

/** What is to be done to get from one configuration to another. */
export interface Difference {
  readonly frontends: Changes<FrontendConfiguration>;
  readonly pools: Changes<PoolConfiguration>;
  /** The other keys of the file that say something else. */
  readonly others: readonly OtherKey[];
}

/** The keys of a configuration beside frontends and pools. */
export type OtherKey = (typeof OTHER_KEYS)[number];

const OTHER_KEYS = [
  "admin",
  "redis",
  "advertise",
  "nodeId",
  "limits",
  "workers",
  "state",
  "graceMs",
  "log",
] as const;
const NONE: ReadonlySet<string> = new Set();

/**
 * Compares two configurations. Pure.
 *
 * @param files What became other texts without another path, of {@linkcode changedFiles}: who names one of them has changed.
 */
export function difference(
  before: BalancerConfiguration,
  after: BalancerConfiguration,
  files: ReadonlySet<string> = NONE,
): Difference {
  const isNew = (named: readonly NamedFile[]): boolean => named.some(({ file }) => files.has(file));
  return {
    frontends: changes(
      before.frontends,
      after.frontends,
      (one, other) => sameFrontend(one, other) && !isNew(filesOfFrontend(other)),
    ),
    pools: changes(
      before.pools,
      after.pools,
      (one, other) => samePool(one, other) && !isNew(filesOfPool(other)),
    ),
    others: OTHER_KEYS.filter((key) => !isSame(before[key], after[key])),
  };
}

/** The files whose text is another one now. Those that only one of both knows are left to the configurations. */
export function changedFiles(before: LoadedFiles, after: LoadedFiles): ReadonlySet<string> {
  const changed = [...after].filter(([file, text]) => before.has(file) && before.get(file) !== text);
  return new Set(changed.map(([file]) => file));
}

/** Whether both say the same of a frontend. The order of keys does not matter, that of lists does. */
export function sameFrontend(one: FrontendConfiguration, other: FrontendConfiguration): boolean {
  return isSame(one, other);
}

/** Whether both say the same of a pool. The order of keys does not matter, that of lists does. */
export function samePool(one: PoolConfiguration, other: PoolConfiguration): boolean {
  return isSame(one, other);
}

function changes<T>(
  before: ReadonlyMap<string, T>,
  after: ReadonlyMap<string, T>,
  isUnchanged: (one: T, other: T) => boolean,
): Changes<T> {
  const added: T[] = [];
  const changed: { before: T; after: T }[] = [];
  for (const [name, value] of after) {
    const old = before.get(name);
    if (old === undefined) added.push(value);
    else if (!isUnchanged(old, value)) changed.push({ before: old, after: value });
  }
  const removed = [...before].filter(([name]) => !after.has(name)).map(([, value]) => value);
  return { added, removed, changed };
}

/** Whether two plain values are equal. An absent key is one that is undefined. */
export function isSame(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  // The texts beside a list of networks say all that is in it.
  if (one instanceof AddressList && other instanceof AddressList) return true;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...keys].every((key) => isSame(Reflect.get(one, key), Reflect.get(other, key)));
}
