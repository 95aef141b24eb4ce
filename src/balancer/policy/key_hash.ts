import type { Candidate, Policy } from "../contract.ts";
import { consistentHash } from "./consistent_hash.ts";

/**
 * Gives clients of one key the same backend each time, wherever they come from: see {@linkcode consistentHash}.
 *
 * A client without a key goes by its whole address, as with `ip-hash`.
 */
export function keyHash<B extends Candidate>(): Policy<B> {
  return consistentHash<B>(({ key, host }) => key ?? host);
}
