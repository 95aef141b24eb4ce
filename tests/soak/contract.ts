import type { Address } from "../../src/net/mod.ts";
import type { RuntimeName } from "../cli/program.ts";
import type { Random } from "./random.ts";

/** Where the cluster keeps its data. */
export type SoakStore = "sqlite" | "redis" | "sentinel" | "cluster";

/** What a soak is to be like. */
export interface SoakOptions {
  readonly minutes: number;
  readonly seed: number;
  readonly store: SoakStore;
  /** What the servers run on; `mixed`: each on another one. */
  readonly runtime: RuntimeName | "mixed";
  readonly users: number;
}

/** One kind of fault. */
export interface SoakFault {
  readonly name: string;
  /** How often it is chosen, compared with others. */
  readonly weight: number;
  /** What it happens to; only one fault at a time happens to each. */
  readonly target: string;
  /** Does it and undoes it: once it resolves, its target is as before. */
  run(random: Random): Promise<void>;
}

/** A running cluster and what can be done to it. Disposing kills it. */
export interface SoakWorld extends AsyncDisposable {
  /** Where clients connect, through proxies that can be told to misbehave. */
  readonly addresses: readonly [Address, ...Address[]];
  readonly faults: readonly SoakFault[];
}

/** The runtime of the `turn`th program. */
export function runtimeOf({ runtime, seed }: SoakOptions, turn: number): RuntimeName {
  const all = ["node", "bun", "deno"] as const;
  return runtime === "mixed" ? (all[(seed + turn) % all.length] ?? "node") : runtime;
}
