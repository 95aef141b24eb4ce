import { type Bus, localBus, redisBus } from "../bus/mod.ts";
import {
  type Durability,
  localPresence,
  openWriter,
  type Presence,
  redisPresence,
  redisStore,
  type Store,
  sqliteStore,
} from "../chat/mod.ts";
import { type Registry, redisRegistry } from "../registry/mod.ts";
import { seldom } from "./seldom.ts";

/** What a chat server keeps its data in and talks to others by. */
export interface Backing extends AsyncDisposable {
  readonly store: Store;
  readonly bus: Bus;
  /** Who is online. */
  readonly presence: Presence;
  /** Where it announces itself; absent where nobody else could read it. */
  readonly registry: Registry | undefined;
}

/** Told of what fails inside, with what was being done. */
export type OnError = (error: unknown, context: { readonly during: string }) => void;

/** Options for {@linkcode openBacking}. */
export interface BackingOptions {
  /** A Redis for all of it; else the data folder. */
  readonly redis: string | undefined;
  readonly data: string;
  readonly durable: Durability | undefined;
  /** This server, under a name that is new at each start. */
  readonly instance: string;
  readonly onError: OnError;
  /** Aborted when the clients have had their time: from then on a Redis that does not answer is not waited for. */
  readonly ending: AbortSignal;
  /** Called when a bus that was away is back: hints may have been lost. */
  readonly onRestored: () => void;
  /** Told of users who have gone offline with a server that died. */
  readonly onGone: (users: readonly string[]) => void;
  /** Told of users of this server who may have been given as gone in error. */
  readonly onBack: (users: readonly string[]) => void;
}

/** Opens the store, the bus, presence and the registry of one server that stands for itself. @throws {StoreError | RedisError} */
export async function openBacking(options: BackingOptions): Promise<Backing> {
  const { redis, onError, ending } = options;
  if (redis === undefined) return await openFolder(options);
  const opened = new AsyncDisposableStack();
  try {
    const parts = opened.use(await openRedis(redis, options));
    const registry = opened.use(await redisRegistry({ url: redis, onError, connection: { ending } }));
    return { ...parts, registry, [Symbol.asyncDispose]: () => opened.disposeAsync() };
  } catch (error) {
    await opened.disposeAsync();
    throw error;
  }
}

/** Opens the store, the bus and presence in one Redis. @throws {StoreError | RedisError | PresenceError} */
export async function openRedis(
  url: string,
  { durable, instance, onError, ending, onRestored, onGone, onBack }: Omit<BackingOptions, "redis" | "data">,
): Promise<Backing> {
  const opened = new AsyncDisposableStack();
  try {
    const store = opened.use(await redisStore({ url, onError, ending, ...(durable && { durable }) }));
    const bus = opened.use(await redisBus({ url, onError, onRestored, connection: { ending } }));
    const handlers = { onGone, onBack, onError };
    const presence = opened.use(await redisPresence({ url, server: instance, ending, ...handlers }));
    return { store, bus, presence, registry: undefined, [Symbol.asyncDispose]: () => opened.disposeAsync() };
  } catch (error) {
    await opened.disposeAsync();
    throw error;
  }
}

async function openFolder({ data, durable, instance, onError, onGone }: BackingOptions): Promise<Backing> {
  const opened = new AsyncDisposableStack();
  try {
    const bus = opened.use(localBus());
    const hint = (user: string, line: Uint8Array): void => bus.publish(`user:${user}`, line);
    const writer = opened.use(
      await openWriter({ dir: data, hint, onError: seldom(onError), ...forFolder(durable) }),
    );
    const store = opened.use(await sqliteStore({ dir: data, writer }));
    const presence = opened.use(localPresence({ server: instance, onGone, onError }));
    return { store, bus, presence, registry: undefined, [Symbol.asyncDispose]: () => opened.disposeAsync() };
  } catch (error) {
    await opened.disposeAsync();
    throw error;
  }
}

/** What a data folder can promise: `replica` was refused before. */
export function forFolder(durable: Durability | undefined): { durable?: "memory" | "disk" } {
  return durable === undefined || durable === "replica" ? {} : { durable };
}
