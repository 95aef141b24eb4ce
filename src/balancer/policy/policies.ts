import type { Candidate, Policy, PolicyName } from "../contract.ts";
import { ipHash } from "./ip_hash.ts";
import { keyHash } from "./key_hash.ts";
import { leastConnections } from "./least_connections.ts";
import { random } from "./random.ts";
import { roundRobin } from "./round_robin.ts";
import { twoChoices } from "./two_choices.ts";
import { weighted } from "./weighted.ts";

/** Makes a policy that knows no backend yet. */
export type PolicyFactory = <B extends Candidate>() => Policy<B>;

/** Every policy by name. A name without a policy does not compile. */
export const policies: Readonly<Record<PolicyName, PolicyFactory>> = {
  "round-robin": roundRobin,
  weighted,
  "ip-hash": ipHash,
  "least-connections": leastConnections,
  "two-choices": twoChoices,
  random,
  "key-hash": keyHash,
};
