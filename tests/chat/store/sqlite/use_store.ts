import { type Store, type StoreLimits, sqliteStore } from "../../../../src/chat/store/mod.ts";
import { openQuietWriter } from "../open_stores.ts";

/** Opens a data folder, does `work` with its store, and closes it. */
export async function useStore<T>(
  dir: string,
  work: (store: Store) => Promise<T>,
  limits: StoreLimits = {},
): Promise<T> {
  await using writer = await openQuietWriter(dir, { limits });
  await using store = await sqliteStore({ dir, writer });
  return await work(store);
}
