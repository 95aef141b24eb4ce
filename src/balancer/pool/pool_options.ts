import { checkHeartbeat } from "../heartbeat/heartbeat.ts";
import type { Pool, PoolChange, PoolOptions } from "./pool.ts";
import { checkQueue } from "./queue.ts";

/** The most backends that one pool takes. */
export const MAX_BACKENDS = 100_000;

/** Refuses what no pool can have. @throws {RangeError} with a sentence that says what is wrong. */
export function checkPool(action: string, options: PoolOptions): void {
  const { policy, fallback, slowStartMs = 0, heartbeat, queue } = options;
  if (fallback === "key-hash")
    throw new RangeError(`Cannot ${action}: fallback must not be "key-hash", which needs a key`);
  if (!(slowStartMs >= 0 && slowStartMs < 2 ** 31))
    throw new RangeError(
      `Cannot ${action}: slowStartMs must be 0 or more and below 2^31, received ${slowStartMs}`,
    );
  if (slowStartMs > 0 && policy === "round-robin")
    throw new RangeError(
      `Cannot ${action}: slowStartMs needs a policy that respects weights, received "round-robin"; "weighted" takes turns by weight`,
    );
  checkHeartbeat(heartbeat);
  checkQueue(action, queue);
}

/** Refuses a backend for which a pool has no room, or whose name it has. @throws {RangeError} */
export function checkRoom(pool: Pick<Pool, "name" | "size" | "find">, name: string): void {
  if (pool.find(name))
    throw new RangeError(`Cannot add backend: pool "${pool.name}" has one named "${name}" already`);
  if (pool.size >= MAX_BACKENDS)
    throw new RangeError(`Cannot add backend: pool "${pool.name}" has ${MAX_BACKENDS}, which is the most`);
}

/** The options of a pool after a change. @throws {RangeError} when that is no pool. */
export function changedOptions(options: PoolOptions, change: PoolChange): PoolOptions {
  const given = Object.entries(change).filter(([, value]) => value !== undefined);
  const changed: PoolOptions = { ...options, ...Object.fromEntries(given) };
  checkPool("configure pool", changed);
  return changed;
}
