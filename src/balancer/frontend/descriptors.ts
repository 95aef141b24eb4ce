import { descriptorLimit, openDescriptors } from "../../net/mod.ts";
import { Refusal } from "./refusal.ts";

/**
 * Descriptors that are kept back for all that is not a client: what the runtime itself has open, files, the bus, operators. A tenth, but not
 * fewer or more than this. Without any, Deno ends in a panic.
 */
const MIN_KEPT_BACK = 64;
const MAX_KEPT_BACK = 512;

/** From this part of the usable descriptors on, no more clients are accepted where others can; and below that one they are again. */
const CROWDED = 0.95;
const ROOMY = 0.9;

/** How many clients this process can serve, with a descriptor for each and one for its backend; Infinity where nobody can tell. */
export function maxClients(): number {
  return Math.floor(usable() / 2);
}

/** How many clients a worker can serve that leaves new ones to others once it is full; Infinity where nobody can tell. */
export function maxWorkedClients(): number {
  return Math.max(1, Math.floor((usable() * CROWDED) / 2));
}

/**
 * Whether one more client fits into this process, which has been accepted already; undefined if it does.
 *
 * @param waiting Clients, this one included, that have no connection to a backend yet and are still to get one.
 */
export function judgeDescriptors(waiting: number): Refusal | undefined {
  const limit = usable();
  if (openDescriptors() + waiting <= limit) return undefined;
  return new Refusal("descriptors", `the process may open ${limit} files for clients, which are in use`);
}

/**
 * How full this process is, or this thread, which may use one of `shares` equal parts of the descriptors.
 *
 * @returns `between` where whoever accepts goes on, and whoever does not, does not begin again.
 */
export function judgeCrowd(shares: number): "crowded" | "between" | "roomy" {
  const limit = usable() / shares;
  const open = openDescriptors();
  if (open >= limit * CROWDED) return "crowded";
  return open <= limit * ROOMY ? "roomy" : "between";
}

function usable(): number {
  const limit = descriptorLimit();
  const keptBack = Math.max(MIN_KEPT_BACK, Math.min(MAX_KEPT_BACK, Math.ceil(limit / 10)));
  return Math.max(0, limit - keptBack);
}
