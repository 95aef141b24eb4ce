import { descriptorLimit, openDescriptors } from "../../net/mod.ts";
import { Refusal } from "./refusal.ts";

/**
 * Descriptors that are kept back for all that is not a client: what the runtime itself has open, files, the bus, operators. A tenth, but not
 * fewer or more than this. Without any, Deno ends in a panic.
 */
const MIN_KEPT_BACK = 64;
const MAX_KEPT_BACK = 512;

/** How many clients this process can serve, with a descriptor for each and one for its backend; Infinity where nobody can tell. */
export function maxClients(): number {
  return Math.floor(usable() / 2);
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

function usable(): number {
  const limit = descriptorLimit();
  const keptBack = Math.max(MIN_KEPT_BACK, Math.min(MAX_KEPT_BACK, Math.ceil(limit / 10)));
  return Math.max(0, limit - keptBack);
}
