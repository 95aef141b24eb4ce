import { partitionOf } from "../../../redis/mod.ts";
import type { RedisStoreContext } from "./context.ts";
import { failedOver } from "./durability.ts";

/**
 * To be called before something is written for some users: on a Cluster that is at other masters than what says that it is owed, and each of them
 * may lose it by itself.
 *
 * @returns Waits until all that was written for them since is as durable as the store promises: until then it stays owed. Rejects with a
 * {@linkcode StoreError} `unavailable` when one of the masters has failed over meanwhile, or it takes too long.
 */
export function beginWriting(context: RedisStoreContext, users: Iterable<string>): () => Promise<void> {
  const { keyspace, keys, isSplit, isConfirmed, confirm } = context;
  if (!isSplit || !isConfirmed) return async () => undefined;
  const names = new Map(Array.from(users, (user) => [partitionOf(user), keys.mark(user)]));
  const begun = Array.from(names.values(), (key) => ({ key, history: keyspace.history(key) }));
  return async () => {
    if (begun.some(({ key, history }) => keyspace.history(key) !== history)) throw failedOver();
    await Promise.all(begun.map(({ key }) => confirm(key)));
  };
}
