import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type RedisStoreOptions,
  redisStore,
  type Store,
  StoreError,
} from "../../../../src/chat/store/mod.ts";
import { connectRedis, type RedisClient } from "../../../../src/redis/mod.ts";
import type { RedisServer } from "../../../redis_server.ts";
import { createUsers, unexpected } from "../open_stores.ts";
import { outgoing } from "../store_steps.ts";

/** Arguments of a Redis that keeps what it is given over a restart. */
export const KEEPING: readonly string[] = ["--appendonly", "yes", "--appendfsync", "always"];

/** A store with accounts for ann, bob and cid. */
export async function openStore(
  redis: RedisServer,
  options: Partial<RedisStoreOptions> = {},
): Promise<Store> {
  const store = await redisStore({ url: redis.url, onError: unexpected, ...options });
  await createUsers(store, ["ann", "bob", "cid"]);
  return store;
}

/** Looks at or changes what is in Redis, behind the store's back. */
export async function edit<T>(redis: RedisServer, work: (client: RedisClient) => Promise<T>): Promise<T> {
  await using connection = await connectRedis(redis.url);
  return await work(connection.client);
}

/** Fails unless `body` rejects with `unavailable`. */
export async function assertUnavailable(body: () => Promise<unknown>): Promise<void> {
  assertEquals((await assertRejects(body, StoreError)).code, "unavailable");
}

/** Does something again and again until it no longer is `unavailable`; the test's own limit is the deadline. */
export async function untilAvailable<T>(body: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await body();
    } catch (error) {
      assert(error instanceof StoreError && error.code === "unavailable", String(error));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

/** Sends a message until it is stored. */
export async function sendUntilStored(store: Store): Promise<void> {
  const message = outgoing();
  assertEquals((await untilAvailable(() => store.send(message))).outcome, "stored");
}
