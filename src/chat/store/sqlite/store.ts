import { type Store, StoreError } from "../contract.ts";
import type { Writer } from "../write.ts";
import { writing } from "../writing.ts";
import { openForReading } from "./database.ts";
import { toStoreError } from "./error.ts";
import { Reader } from "./reader.ts";

/** Options for {@linkcode sqliteStore}. */
export interface SqliteStoreOptions {
  /** The data folder that the writer holds. */
  dir: string;
  /** Who writes: this process, or its parent. Stays the caller's, who closes it after the store. */
  writer: Writer;
}

/** Opens it; {@linkcode sqliteStore} of `open.ts` says what it does. */
export async function sqliteStore(options: SqliteStoreOptions): Promise<Store> {
  const { dir, writer } = options;
  const database = openForReading(dir);
  const reader = new Reader(database);
  const read = <T>(body: () => T): Promise<T> => attempt(`read from data folder "${dir}"`, body);
  let isOpen = true;

  return {
    durable: writer.durable,
    ...writing(async (op) => {
      const [result] = await writer.write([op]);
      if (!result)
        throw new StoreError("unavailable", "Cannot write to the store: the writer did not answer");
      return result;
    }),
    findUser: (name) => read(() => reader.user(name)),
    findToken: (hash, now) => read(() => reader.token(hash, now)),
    inboxState: (user) => read(() => reader.state(user)),
    readInbox: (user, after, limits) => read(() => reader.inbox(user, after, limits)),
    readLog: (conversation, before, limits) => read(() => reader.log(conversation, before, limits)),
    async [Symbol.asyncDispose]() {
      if (isOpen) database.close();
      isOpen = false;
    },
  };
}

async function attempt<T>(action: string, body: () => T): Promise<T> {
  try {
    return body();
  } catch (cause) {
    throw toStoreError(cause, action);
  }
}
