import type { Store } from "./contract.ts";
import type { RedisStoreOptions } from "./redis/store.ts";
import type { SqliteStoreOptions } from "./sqlite/store.ts";
import type { Writer } from "./sqlite/write.ts";
import type { WriterOptions } from "./sqlite/writer.ts";

/**
 * Opens a data folder for writing, as the only writer there is.
 *
 * - What is asked for in one turn of the event loop, or while a batch is stored, is one batch. Messages, and what was seen of them, are stored by the
 *   folder's journal, and are in the database within a second or once somebody reads; all else is committed at once.
 * - Hints come once an entry is stored, in the order of the entries, before the callers go on.
 * - `close` writes what is queued, brings everything into the database file, and gives the folder back. So does the end of the
 *   process, however it ends; and a writer that nobody refers to any more may be collected, which gives the folder back, too.
 *
 * @example A data folder that one process holds
 * ```ts
 * import assert from "node:assert/strict";
 * import { openWriter, sqliteStore } from "chorus";
 *
 * const hinted: string[] = [];
 * const dir = "/var/lib/chorus";
 * await using writer = await openWriter({ dir, hint: (user) => hinted.push(user), onError: console.error });
 * await using store = await sqliteStore({ dir, writer });
 * for (const name of ["ada", "ben"]) await store.createUser({ name, password: "" });
 * const message = { conversation: "ada:ben", from: "ada", to: "ben", device: "phone", id: "1", text: "hello", at: Date.now() };
 * assert.equal((await store.send(message)).outcome, "stored");
 * assert.deepEqual(hinted.toSorted(), ["ada", "ben"]);
 * ```
 *
 * @throws {StoreError} `locked` when another process has the folder; `damaged` when the file there is not ours, broken,
 * of a newer version, or another one than its journal goes with, and then it is not touched; `unavailable` when the folder cannot be used.
 */
export async function openWriter(options: WriterOptions): Promise<Writer> {
  const sqlite = await import("./sqlite/writer.ts");
  return sqlite.openWriter(options);
}

/**
 * A store in a data folder: reads the database by itself and leaves writing to the one writer.
 *
 * What a write has stored is seen by every later read, in every process.
 *
 * @example Accounts in a file
 * ```ts
 * import assert from "node:assert/strict";
 * import { openWriter, sqliteStore } from "chorus";
 *
 * const dir = "/var/lib/chorus";
 * await using writer = await openWriter({ dir, hint: () => undefined, onError: console.error });
 * await using store = await sqliteStore({ dir, writer });
 * assert.equal(await store.createUser({ name: "ada", password: "" }), true);
 * assert.equal((await store.findUser("ada"))?.name, "ada");
 * ```
 *
 * @throws {StoreError} `unavailable` when no writer has made the database yet, `damaged` when it is not ours.
 */
export async function sqliteStore(options: SqliteStoreOptions): Promise<Store> {
  const sqlite = await import("./sqlite/store.ts");
  return sqlite.sqliteStore(options);
}

/**
 * A store in Redis.
 *
 * - What is asked for in one turn of the event loop, or while a batch is under way, is one batch: one script for all its
 *   messages, which appends, delivers and publishes; then one wait for the disk or a replica, as `durable` says.
 * - While Redis is away everything is `unavailable` at once; it works again by itself when Redis is back.
 * - Several processes may use one Redis and prefix.
 *
 * @example Accounts that two servers share
 * ```ts
 * import assert from "node:assert/strict";
 * import { redisStore } from "chorus";
 *
 * const options = { url: "redis://127.0.0.1:6379", onError: console.error };
 * await using here = await redisStore(options);
 * await using there = await redisStore(options);
 * assert.equal(await here.createUser({ name: "ada", password: "" }), true);
 * assert.equal((await there.findUser("ada"))?.name, "ada");
 * ```
 *
 * @throws {StoreError} `unavailable` when Redis does not answer; `unsuitable` when it may drop keys, or cannot be as durable
 * as asked for.
 */
export async function redisStore(options: RedisStoreOptions): Promise<Store> {
  const redis = await import("./redis/store.ts");
  return redis.redisStore(options);
}
