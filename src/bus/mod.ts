/**
 * Publish/subscribe between servers, as a hint: in this process and its children, or over Redis.
 *
 * @example Two parts of one process
 * ```ts
 * import assert from "node:assert/strict";
 * import { localBus } from "./mod.ts";
 *
 * await using bus = localBus();
 * const heard = Promise.withResolvers<string>();
 * await using _ = await bus.subscribe("user:ann", (payload) => heard.resolve(new TextDecoder().decode(payload)));
 * bus.publish("user:ann", new TextEncoder().encode("hello"));
 * assert.equal(await heard.promise, "hello");
 * ```
 *
 * @module
 */
export { type ChannelBusOptions, channelBus } from "./channel_bus.ts";
export {
  type Bus,
  BusError,
  type BusErrorReport,
  type BusHandler,
  type BusOptions,
  type Subscription,
} from "./contract.ts";
export { type LocalBus, localBus } from "./local_bus.ts";
export { type RedisBus, type RedisBusOptions, redisBus } from "./redis_bus.ts";
