import { redisBus } from "../../../../src/bus/mod.ts";
import { redisStore } from "../../../../src/chat/store/redis/store.ts";
import { redisServer } from "../../../redis_server.ts";
import { test } from "../../../testing.ts";
import { HintCollector } from "../hint_collector.ts";
import { createUsers, waiting } from "../open_stores.ts";
import { testRollback } from "../rollback_conformance.ts";
import type { RollableStore } from "../store_conformance.ts";
import { edit, untilAvailable } from "./redis_steps.ts";

/** A Redis that comes back with the data that it last wrote to its disk. */
async function open(users: readonly string[], isSplit: boolean): Promise<RollableStore> {
  await using opening = new AsyncDisposableStack();
  const redis = opening.use(await redisServer());
  const collector = new HintCollector();
  const options = { url: redis.url, onError: () => undefined };
  const store = opening.use(await redisStore(options, { isSplit }));
  let restored = Promise.withResolvers<void>();
  const bus = opening.use(await redisBus({ ...options, onRestored: () => restored.resolve() }));
  await createUsers(store, users);
  await Promise.all(
    users.map((user) => bus.subscribe(`user:${user}`, (payload) => collector.add(user, payload))),
  );
  const opened = opening.move();
  return {
    store,
    ...waiting(() => store, collector),
    keep: async () => void (await edit(redis, (client) => client.sendCommand(["SAVE"]))),
    async rollBack() {
      restored = Promise.withResolvers();
      await redis.restart();
      // All connections: hints, reading, and writing.
      await restored.promise;
      await untilAvailable(() => store.findUser("ann"));
      await untilAvailable(() => store.removeToken("none"));
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

for (const isSplit of [false, true]) {
  const way = isSplit ? "redis by steps" : "redis";
  testRollback(
    (name, body) => test(`${way} ${name}`, body),
    (users) => open(users, isSplit),
  );
}
