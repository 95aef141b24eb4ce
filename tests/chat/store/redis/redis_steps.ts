import { assert, assertEquals, assertRejects } from "@std/assert";
import { redisBus } from "../../../../src/bus/mod.ts";
import { type Store, StoreError } from "../../../../src/chat/store/mod.ts";
import { type Keys, keysOf } from "../../../../src/chat/store/redis/keys.ts";
import {
  type RedisStoreOptions,
  type RedisStoreWays,
  redisStore,
} from "../../../../src/chat/store/redis/store.ts";
import { connectRedis, partitionOf, type RedisClient } from "../../../../src/redis/mod.ts";
import type { RedisServer } from "../../../redis_server.ts";
import { HintCollector } from "../hint_collector.ts";
import { createUsers, unexpected, waiting } from "../open_stores.ts";
import type { OpenedStore } from "../store_conformance.ts";
import { outgoing } from "../store_steps.ts";

/** Arguments of a Redis that keeps what it is given over a restart. */
export const KEEPING: readonly string[] = ["--appendonly", "yes", "--appendfsync", "always"];

/** The names under which the tests' stores keep their data. */
export const KEYS: Keys = keysOf("chorus:", "chorus:");

/** Who has an account in the tests' stores. */
export const USERS: readonly string[] = ["ann", "bob", "cid"];

/** A store with accounts for ann, bob and cid. */
export async function openStore(
  redis: Pick<RedisServer, "url">,
  options: Partial<RedisStoreOptions> = {},
  ways: RedisStoreWays = {},
): Promise<Store> {
  const store = await redisStore({ url: redis.url, onError: unexpected, ...options }, ways);
  await createUsers(store, USERS);
  return store;
}

/** The same, with what hears its hints and those of other stores there. */
export async function openHeard(
  redis: Pick<RedisServer, "url">,
  options: Partial<RedisStoreOptions> = {},
  ways: RedisStoreWays = {},
): Promise<OpenedStore> {
  await using opening = new AsyncDisposableStack();
  const store = opening.use(await openStore(redis, options, ways));
  const bus = opening.use(await redisBus({ url: redis.url, prefix: "chorus:", onError: unexpected }));
  const collector = new HintCollector();
  await Promise.all(
    USERS.map((user) => bus.subscribe(`user:${user}`, (payload) => collector.add(user, payload))),
  );
  const opened = opening.move();
  return {
    store,
    ...waiting(() => store, collector),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** Looks at or changes what is in Redis, behind the store's back. */
export async function edit<T>(redis: RedisServer, work: (client: RedisClient) => Promise<T>): Promise<T> {
  await using connection = await connectRedis(redis.url);
  return await work(connection.client);
}

/** How much is owed in the partition of a conversation. */
export function owedOf(redis: RedisServer, conversation: string): Promise<number> {
  return edit(redis, (client) => client.zCard(KEYS.owed(partitionOf(conversation))));
}

/** Remembers some keys. What it gives sets them back. */
export async function keep(redis: RedisServer, names: readonly string[]): Promise<() => Promise<void>> {
  await edit(redis, (client) => Promise.all(names.map((name) => client.copy(name, `kept:${name}`))));
  return () =>
    edit(redis, async (client) => {
      for (const name of names) {
        await client.del(name);
        await client.copy(`kept:${name}`, name);
      }
    });
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

/** Looks again and again until something is so; the test's own limit is the deadline. */
export async function until(look: () => Promise<boolean>): Promise<void> {
  while (!(await look())) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** Sends a message until it is stored. */
export async function sendUntilStored(store: Store): Promise<void> {
  const message = outgoing();
  assertEquals((await untilAvailable(() => store.send(message))).outcome, "stored");
}

/** Waits until a replica has caught up, by a WAIT that follows a write. */
export async function replicaIsOnline(redis: RedisServer): Promise<void> {
  await edit(redis, async (client) => {
    for (;;) {
      await client.set("replicated", "?");
      if ((await client.wait(1, 100)) === 1) return;
    }
  });
}
