/**
 * Takes a Redis back to what it had before, in whole or in part.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createClient, RESP_TYPES } from "redis";
import { redisCommand } from "../redis_process.ts";
import { type RedisServer, redisServer } from "../redis_server.ts";

/** Keys with what is in them, as `DUMP` gives it. */
export type KeyCopies = ReadonlyMap<string, Uint8Array>;

/** Writes everything to the file that a restart reads. */
export async function saveNow(redis: RedisServer): Promise<void> {
  await redisCommand(redis.port, "SAVE");
}

/** Copies all keys of some kinds: what comes before `:{` of a name, after the prefix. */
export async function copyKeys(redis: RedisServer, kinds: readonly string[]): Promise<KeyCopies> {
  return await withBytes(redis, async (ask) => {
    const keys = (await redisCommand(redis.port, "KEYS", "*")) as string[];
    const copies = new Map<string, Uint8Array>();
    for (const key of keys) {
      if (!kinds.some((kind) => key.startsWith(`${kind}:{`) || key.includes(`:${kind}:{`))) continue;
      copies.set(key, (await ask(["DUMP", key])) as Uint8Array);
    }
    if (copies.size === 0) throw new Error(`Cannot copy keys: none of ${kinds.join()} among ${keys.join()}`);
    return copies;
  });
}

/**
 * Restarts it with what was last saved, but for what is not to be rolled back. Both are put together by another Redis before, so that nobody
 * sees the one without the other.
 */
export async function rollBack(redis: RedisServer, kept: KeyCopies): Promise<void> {
  await using other = await redisServer({ args: ["--dir", redis.folder] });
  await withBytes(other, async (ask) => {
    for (const [key, bytes] of kept) await ask(["RESTORE", key, "0", bytes, "REPLACE"]);
  });
  await saveNow(other);
  await redis.restart();
}

type Ask = (words: readonly (string | Uint8Array)[]) => Promise<unknown>;

async function withBytes<T>(redis: RedisServer, work: (ask: Ask) => Promise<T>): Promise<T> {
  const client = createClient({
    url: redis.url,
    RESP: 2,
    maintNotifications: "disabled",
    commandOptions: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } },
  });
  client.on("error", () => undefined);
  try {
    await client.connect();
    return await work((words) =>
      client.sendCommand(words.map((word) => (typeof word === "string" ? word : Buffer.from(word)))),
    );
  } finally {
    client.destroy();
  }
}
