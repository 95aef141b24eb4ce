/**
 * How we talk to Redis: connections that come back by themselves, deadlines, a subscriber with its watchdog, scripts.
 *
 * Npm `redis` is loaded when the first connection is asked for.
 *
 * @module
 */
export { connectRedis, type RedisConnection } from "./connection.ts";
export {
  type RedisClient,
  RedisError,
  type RedisErrorCode,
  type RedisOptions,
  type RedisRecovery,
  type RedisValue,
} from "./contract.ts";
export { defineScript, type RedisScript, type RunScriptOptions, runScript } from "./script.ts";
export { connectSubscriber, type Subscriber, type SubscriberOptions } from "./subscriber.ts";
export { showUrl } from "./url.ts";
