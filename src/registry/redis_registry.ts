import type { Clock } from "../async/mod.ts";
import {
  channelPrefix,
  connectKeyspace,
  connectSubscriber,
  type RedisKeyspace,
  type RedisOptions,
  type Subscriber,
} from "../redis/mod.ts";
import { Announcing } from "./announcing.ts";
import {
  type Announced,
  type Announcement,
  GRACE_AFTER_RETURN_MS,
  LEASE_MS,
  RENEW_MS,
  type Registry,
  RegistryError,
  type RegistryErrorReport,
  type RegistryHandler,
  SCAN_MS,
} from "./contract.ts";
import { type RegistryKeys, registryKeys } from "./keys.ts";
import { Watching } from "./watching.ts";

/** Durations of a {@linkcode redisRegistry}, in milliseconds. All processes of a cluster use the same. */
export interface RegistryTiming {
  /** For how long an announcement counts without being renewed. @default {5000} */
  leaseMs?: number;
  /** How often it is renewed. @default {1500} */
  renewMs?: number;
  /** How often a watcher reads everything. @default {1000} */
  scanMs?: number;
  /** For how long after Redis came back nobody counts as expired. @default {10000} */
  graceMs?: number;
}

/** Options for {@linkcode redisRegistry}. */
export interface RedisRegistryOptions {
  /** As `connectKeyspace` of `src/redis` takes it. */
  url: string;
  /** Put before every name. @default {"chorus:"} */
  prefix?: string;
  /** How often it does what. Others than the defaults are for tests. */
  timing?: RegistryTiming;
  /** How the connections behave. */
  connection?: Pick<RedisOptions, "deadlineMs" | "recovery" | "ending">;
  /** Called when Redis fails, holds what is not an announcement, or a handler throws; it must not throw. @default {ignored} */
  onError?: RegistryErrorReport;
  /** The source of time. @default {systemClock} */
  clock?: Clock;
}

/**
 * Connects to a registry in Redis. Each server is a key with a lease; a set names them all. Changes are told at once on a
 * channel, and since such a message can be lost, a watcher also reads everything again and again.
 *
 * @example A balancer finds a server of another machine
 * ```ts
 * import assert from "node:assert/strict";
 * import { redisRegistry } from "chorus";
 *
 * const url = "redis://127.0.0.1:6379";
 * await using server = await redisRegistry({ url });
 * await using balancer = await redisRegistry({ url });
 * const found = Promise.withResolvers<string>();
 * const ignore = () => undefined;
 * await using _ = await balancer.watch({ joined: ({ tcp }) => found.resolve(tcp), changed: ignore, left: ignore });
 * await server.announce({ id: "s1", tcp: "10.0.0.7:7000", weight: 1, capacity: 0, draining: false });
 * assert.equal(await found.promise, "10.0.0.7:7000");
 * ```
 *
 * @throws {RedisError} As `connectKeyspace`.
 */
export async function redisRegistry(options: RedisRegistryOptions): Promise<Registry> {
  const { url, prefix = "chorus:", clock, onError } = options;
  // Set below; before that there is nobody to be told.
  let registry: InRedis | undefined;
  const settings: RedisOptions = {
    ...options.connection,
    ...(clock && { clock }),
    onError: (error, { during }) => onError?.(error, { during: during === "message" ? "watch" : during }),
  };
  const keyspace = await connectKeyspace(url, {
    ...settings,
    onDown: () => registry?.onDown(),
    onUp: () => registry?.onUp(),
  });
  try {
    const onMessage = (_: string, payload: Uint8Array): void => registry?.onMessage(payload);
    const subscriber = await connectSubscriber(url, { ...settings, prefix, onMessage });
    const opened = new InRedis(options, keyspace, subscriber);
    registry = opened;
    try {
      await subscriber.join(registryKeys(prefix, channelPrefix(url, prefix)).channel);
    } catch (error) {
      await subscriber.close();
      throw error;
    }
    return opened;
  } catch (error) {
    await keyspace.close();
    throw error;
  }
}

class InRedis implements Registry {
  readonly #options: RedisRegistryOptions;
  readonly #keyspace: RedisKeyspace;
  readonly #subscriber: Subscriber;
  readonly #keys: RegistryKeys;
  readonly #timing: Required<RegistryTiming>;
  readonly #watching: Watching;
  readonly #announcing = new Map<string, Announcing>();
  readonly #decoder = new TextDecoder();
  #closed: Promise<void> | undefined;

  constructor(options: RedisRegistryOptions, keyspace: RedisKeyspace, subscriber: Subscriber) {
    const { url, timing, prefix = "chorus:", clock } = options;
    this.#options = options;
    this.#keyspace = keyspace;
    this.#subscriber = subscriber;
    this.#keys = registryKeys(prefix, channelPrefix(url, prefix));
    this.#timing = {
      leaseMs: timing?.leaseMs ?? LEASE_MS,
      renewMs: timing?.renewMs ?? RENEW_MS,
      scanMs: timing?.scanMs ?? SCAN_MS,
      graceMs: timing?.graceMs ?? GRACE_AFTER_RETURN_MS,
    };
    this.#watching = new Watching({
      keyspace,
      keys: this.#keys,
      timing: this.#timing,
      onError: (error, context) => options.onError?.(error, context),
      clock,
    });
  }

  async announce(announcement: Announcement): Promise<Announced> {
    if (this.#closed !== undefined)
      throw new RegistryError("Cannot announce server: the registry was closed");
    const { id } = announcement;
    if (this.#announcing.has(id)) throw new TypeError(`Cannot announce server: "${id}" is announced already`);
    const announcing = Announcing.start(announcement, {
      keyspace: this.#keyspace,
      keys: this.#keys,
      leaseMs: this.#timing.leaseMs,
      renewMs: this.#timing.renewMs,
      clock: this.#options.clock,
      onError: (error) => this.#options.onError?.(error, { during: "announce" }),
    });
    this.#announcing.set(id, announcing);
    await announcing.written;
    return {
      update: (change) => announcing.update(change),
      [Symbol.asyncDispose]: async () => {
        await announcing.end();
        if (this.#announcing.get(id) === announcing) this.#announcing.delete(id);
      },
    };
  }

  watch(handler: RegistryHandler): Promise<AsyncDisposable> {
    return this.#watching.watch(handler);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** The connection for commands was lost. */
  onDown(): void {
    this.#watching.onLost();
  }

  /** The connection for commands is back: Redis may have forgotten us. */
  onUp(): void {
    for (const announcing of this.#announcing.values()) announcing.tell();
  }

  /** Takes what came on the channel of changes. */
  onMessage(payload: Uint8Array): void {
    this.#watching.onMessage(this.#decoder.decode(payload));
  }

  async #close(): Promise<void> {
    await Promise.all(this.#announcing.values().map((announcing) => announcing.end()));
    const watchingEnded = this.#watching.close();
    await Promise.all([this.#keyspace.close(), this.#subscriber.close()]);
    await watchingEnded;
  }
}
