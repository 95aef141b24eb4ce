/**
 * Who serves: servers announce themselves under a lease, balancers watch. In this process and its children, or in Redis.
 *
 * @example A server that comes and goes
 * ```ts
 * import assert from "node:assert/strict";
 * import { localRegistry } from "./mod.ts";
 *
 * await using registry = localRegistry();
 * const seen: string[] = [];
 * await using _ = await registry.watch({
 *   joined: ({ id }) => seen.push(`joined ${id}`),
 *   changed: ({ id }) => seen.push(`changed ${id}`),
 *   left: (id, reason) => seen.push(`left ${id}: ${reason}`),
 * });
 * const server = { id: "s1", tcp: "127.0.0.1:7001", weight: 1, capacity: 0, draining: false };
 * const announced = await registry.announce(server);
 * announced.update({ draining: true });
 * await announced[Symbol.asyncDispose]();
 * assert.deepEqual(seen, ["joined s1", "changed s1", "left s1: goodbye"]);
 * ```
 *
 * @module
 */
export { channelRegistry } from "./channel_registry.ts";
export {
  type Announced,
  type Announcement,
  CHAT_POOL,
  GRACE_AFTER_RETURN_MS,
  LEASE_MS,
  MAX_SERVES,
  MAX_VIA,
  RENEW_MS,
  type Registry,
  RegistryError,
  type RegistryErrorReport,
  type RegistryHandler,
  SCAN_MS,
} from "./contract.ts";
export { type LocalRegistry, type LocalRegistryOptions, localRegistry } from "./local_registry.ts";
export { type RedisRegistryOptions, type RegistryTiming, redisRegistry } from "./redis_registry.ts";
