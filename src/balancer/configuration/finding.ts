import type { AdminConfiguration, AdvertiseConfiguration } from "./contract.ts";
import type { FrontendValues } from "./frontend_schema.ts";
import type { PoolValues } from "./pool_schema.ts";
import type { Path } from "./problem.ts";
import type { FileValues } from "./schema.ts";

/** A mistake at the place of a value. */
export interface Finding {
  readonly path: Path;
  readonly message: string;
}

/** The parts of a file in which nothing is wrong by itself, so that it can be checked whether they go together. */
export interface SoundValues {
  readonly frontends: Readonly<Record<string, FrontendValues>>;
  readonly pools: Readonly<Record<string, PoolValues>>;
  /** The names of all pools, sound or not; undefined where there is no telling. */
  readonly poolNames: readonly string[] | undefined;
  readonly admin: AdminConfiguration | undefined;
  readonly advertise: AdvertiseConfiguration | undefined;
  readonly state: string | undefined;
  /** Whether the file says anything there. */
  has(...path: string[]): boolean;
}

/** Leaves out of what a file says everything with a mistake in it. */
export function soundValues(
  values: FileValues,
  mistakes: readonly Finding[],
  has: (...path: string[]) => boolean,
): SoundValues {
  const broken = new Set(mistakes.map(({ path }) => JSON.stringify(path.slice(0, 2))));
  const groups = new Set(mistakes.map(({ path }) => path[0]));
  const isWhole = (group: string): boolean => !broken.has(JSON.stringify([group]));
  const sound = <T>(group: "frontends" | "pools", found: Readonly<Record<string, T>>): Record<string, T> => {
    if (!isWhole(group)) return {};
    const entries = Object.entries(found);
    return Object.fromEntries(entries.filter(([name]) => !broken.has(JSON.stringify([group, name]))));
  };
  return {
    frontends: sound("frontends", values.frontends),
    pools: sound("pools", values.pools),
    poolNames: isWhole("pools") ? Object.keys(values.pools) : undefined,
    admin: groups.has("admin") ? undefined : values.admin,
    advertise: groups.has("advertise") ? undefined : values.advertise,
    state: groups.has("state") ? undefined : values.state,
    has,
  };
}
