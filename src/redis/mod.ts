/**
 * How we talk to Redis, whether it is one server, one behind Sentinel or a Cluster: connections that come back by themselves, deadlines,
 * commands routed by key, a subscriber with its watchdog, scripts.
 *
 * Npm `redis` is loaded when the first connection is asked for.
 *
 * @module
 */
export { toRefusal } from "./client.ts";
export { connectKeyspace, type KeyspaceOptions, type ServerCommand } from "./connect_keyspace.ts";
export { connectRedis, type RedisConnection } from "./connection.ts";
export {
  type RedisClient,
  RedisError,
  type RedisErrorCode,
  type RedisOptions,
  type RedisRecovery,
  type RedisValue,
} from "./contract.ts";
export type { RedisKeyspace } from "./keyspace.ts";
export { byPartition, PARTITIONS, partitionOf, taggedName } from "./partition.ts";
export { connectPublisher, type Publisher } from "./publisher.ts";
export { defineScript, type RedisScript, type RunScriptOptions, runScript } from "./script.ts";
export { connectSubscriber, type Subscriber, type SubscriberOptions } from "./subscriber.ts";
export { channelPrefix, checkUrl, showUrl } from "./url.ts";
