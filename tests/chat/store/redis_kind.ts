import { redisBus } from "../../../src/bus/mod.ts";
import { redisStore, type StoreLimits } from "../../../src/chat/store/mod.ts";
import { HintCollector } from "./hint_collector.ts";
import { createUsers, unexpected, waiting } from "./open_stores.ts";
import type { OpenedStore, StoreKind } from "./store_conformance.ts";

/** Servers that a store connects to by one address. */
export interface RedisServers extends AsyncDisposable {
  readonly url: string;
}

/**
 * Redis: all stores on the same servers, which are started when they are first needed, each with a prefix of its own.
 *
 * @param start Starts them.
 */
export function redisKind(name: string, start: () => Promise<RedisServers>): StoreKind {
  let servers: Promise<RedisServers> | undefined;
  let count = 0;
  return {
    name,
    async open(users, limits = {}) {
      servers ??= start();
      count += 1;
      return await open((await servers).url, `test${count}:`, users, limits);
    },
    async close() {
      await (await servers)?.[Symbol.asyncDispose]();
    },
  };
}

async function open(
  url: string,
  prefix: string,
  users: readonly string[],
  limits: StoreLimits,
): Promise<OpenedStore> {
  await using opening = new AsyncDisposableStack();
  const collector = new HintCollector();
  const store = opening.use(await redisStore({ url, prefix, limits, onError: unexpected }));
  const bus = opening.use(await redisBus({ url, prefix, onError: unexpected }));
  await createUsers(store, users);
  await Promise.all(
    users.map((user) => bus.subscribe(`user:${user}`, (payload) => collector.add(user, payload))),
  );
  const opened = opening.move();
  return {
    store,
    ...waiting(() => store, collector),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
