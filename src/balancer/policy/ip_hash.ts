import type { Candidate, Policy } from "../contract.ts";
import { consistentHash } from "./consistent_hash.ts";

/** Gives a client the same backend each time, by its whole address: see {@linkcode consistentHash}. */
export function ipHash<B extends Candidate>(): Policy<B> {
  return consistentHash<B>(({ host }) => host);
}
