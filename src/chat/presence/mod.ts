/**
 * Who is online: in one process, in a parent and its children, or in Redis.
 *
 * @example A server that is alone
 * ```ts
 * import assert from "node:assert/strict";
 * import { localPresence } from "./mod.ts";
 *
 * await using presence = localPresence({ server: "s1", onGone: () => undefined, onError: () => undefined });
 * assert.equal(await presence.arrive("ann"), true);
 * assert.deepEqual([...(await presence.online(["ann", "bob"]))], ["ann"]);
 * ```
 *
 * @module
 */
export { type ChannelPresenceOptions, channelPresence } from "./channel_presence.ts";
export { GONE_MS, type Presence, PresenceError, type PresenceOptions } from "./contract.ts";
export { localPresence } from "./local_presence.ts";
export { type PresenceHub, presenceHub } from "./presence_hub.ts";
export {
  PRESENCE_TIMING,
  type PresenceTiming,
  type RedisPresenceOptions,
  redisPresence,
} from "./redis_presence.ts";
export type { LeaseTiming } from "./server_leases.ts";
