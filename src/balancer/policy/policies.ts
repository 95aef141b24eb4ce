import type { Candidate, Policy, PolicyName } from "../contract.ts";
import { ipHash } from "./ip_hash.ts";
import { keyHash } from "./key_hash.ts";
import { leastConnections } from "./least_connections.ts";
import { random } from "./random.ts";
import { roundRobin } from "./round_robin.ts";
import { twoChoices } from "./two_choices.ts";
import { weighted } from "./weighted.ts";
import { withFallback } from "./with_fallback.ts";

/**
 * Makes a policy that knows no backend yet.
 *
 * @param random Gives a number from 0 up to but not including 1, for the policies that draw. @default {Math.random}
 */
export type PolicyFactory = <B extends Candidate>(random?: () => number) => Policy<B>;

/**
 * Every policy by name. A name without a policy does not compile.
 *
 * @example Turns, whatever the servers are
 * ```ts
 * import assert from "node:assert/strict";
 * import { policies } from "chorus";
 *
 * const policy = policies["round-robin"]();
 * for (const name of ["one", "two"]) policy.add({ name, weight: 1, ramp: 1, active: 0, available: true });
 * const next = () => policy.pick({ host: "192.0.2.1" }, new Set())?.name;
 * assert.deepEqual([next(), next(), next()], ["one", "two", "one"]);
 * ```
 */
export const policies: Readonly<Record<PolicyName, PolicyFactory>> = {
  "round-robin": roundRobin,
  weighted,
  "ip-hash": ipHash,
  "least-connections": leastConnections,
  "two-choices": twoChoices,
  random,
  "key-hash": keyHash,
};

/** Which policy is wanted. */
export interface PolicyChoice {
  readonly policy: PolicyName;
  /** Who picks for a client without a key under `key-hash`. @default {"ip-hash"} */
  readonly fallback?: PolicyName | undefined;
  /** Gives a number from 0 up to but not including 1. @default {Math.random} */
  readonly random?: (() => number) | undefined;
}

/** Makes the policy that is wanted, which knows no backend yet. */
export function makePolicy<B extends Candidate>(choice: PolicyChoice): Policy<B> {
  const { policy, fallback = "ip-hash", random } = choice;
  const main = policies[policy]<B>(random);
  // A key-hash goes by the address itself, which saves a second ring.
  if (policy !== "key-hash" || fallback === "ip-hash") return main;
  return withFallback(main, policies[fallback]<B>(random));
}
