import { type Clock, systemClock } from "../../../async/mod.ts";
import { connectRedis, type RedisConnection } from "../../../redis/mod.ts";
import type { Durability, Store } from "../contract.ts";
import { type StoreLimits, withDefaults } from "../limits.ts";
import type { StoreErrorHandler } from "../write.ts";
import { writing } from "../writing.ts";
import { type Confirm, checkDurability } from "./durability.ts";
import { toStoreError } from "./error.ts";
import { keysOf } from "./keys.ts";
import { Reader } from "./reader.ts";
import { Scripts } from "./scripts.ts";
import { RedisWriter } from "./writer.ts";

/** Options for {@linkcode redisStore}. */
export interface RedisStoreOptions {
  /** As {@linkcode connectRedis} takes it. */
  url: string;
  /** What every key and channel begins with. @default {"chorus:"} */
  prefix?: string;
  /** What a write waits for. @default {"memory"} */
  durable?: Durability;
  /** The longest that a batch of writes, or a read, may take, in milliseconds; then it is `unavailable`. @default {5000} */
  deadlineMs?: number;
  limits?: StoreLimits;
  /** Told when a connection is lost or cannot be made again. */
  onError: StoreErrorHandler;
  /** @default {systemClock} */
  clock?: Clock;
}

/** Opens the store; {@linkcode redisStore} of `open.ts` says what it does. */
export async function redisStore(options: RedisStoreOptions): Promise<Store> {
  try {
    await using opened = new AsyncDisposableStack();
    const writeConnection = opened.use(await connect(options));
    const confirm = await checkDurability(writeConnection, options.durable ?? "memory");
    const readConnection = opened.use(await connect(options));
    const store = makeStore(options, writeConnection, readConnection, confirm);
    opened.move();
    return store;
  } catch (cause) {
    throw toStoreError(cause, "open the store");
  }
}

function connect({
  url,
  deadlineMs = 5000,
  clock = systemClock,
  onError,
}: RedisStoreOptions): Promise<RedisConnection> {
  return connectRedis(url, {
    deadlineMs,
    clock,
    onError: (error) => onError(error, { during: "connection" }),
  });
}

function makeStore(
  options: RedisStoreOptions,
  writeConnection: RedisConnection,
  readConnection: RedisConnection,
  confirm: Confirm,
): Store {
  const { prefix = "chorus:", durable = "memory", deadlineMs = 5000, clock = systemClock } = options;
  const keys = keysOf(prefix);
  const limits = withDefaults(options.limits);
  const scripts = new Scripts(writeConnection, { keys, limits, deadlineMs, clock });
  const writer = new RedisWriter(writeConnection, { scripts, confirm, deadlineMs, clock });
  const reader = new Reader(readConnection, keys);
  return {
    durable,
    ...writing((op) => writer.write(op)),
    findUser: (name) => reader.user(name),
    findToken: (hash, now) => reader.token(hash, now),
    inboxState: (user) => reader.state(user),
    readInbox: (user, after, readLimits) => reader.inbox(user, after, readLimits),
    readLog: (conversation, before, readLimits) => reader.log(conversation, before, readLimits),
    async [Symbol.asyncDispose]() {
      await writer.close();
      await readConnection.close();
    },
  };
}
