/**
 * Crashes of a writer, as its files tell of them.
 *
 * @module
 */
import { copyFile, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { pairOf } from "../../../../src/chat/protocol.ts";
import type { Store } from "../../../../src/chat/store/mod.ts";
import type { Folder } from "../open_stores.ts";
import { EVERYTHING, linesOf, readAll } from "../store_steps.ts";

/** What a disk holds when the machine loses its power: the files as they are now. */
export async function snapshot({ path }: Folder, name: string): Promise<Folder> {
  const copy = join(path, name);
  await mkdir(copy);
  for (const file of ["chat.sqlite", "chat.sqlite-wal", "journal"])
    await copyFile(join(path, file), join(copy, file));
  return { path: copy, [Symbol.asyncDispose]: () => rm(copy, { recursive: true }) };
}

/** Everything that users see of their inboxes, of each other and of the group `#g`. */
export async function seenBy(store: Store, users: readonly string[]): Promise<unknown> {
  const views = users.map(async (user) => ({
    user,
    state: await store.inboxState(user),
    lines: linesOf(await readAll(store, user)),
    unread: await store.unread(user),
    conversations: await store.conversations(user, "", 100),
    receipts: await Promise.all(users.map((other) => store.receipts(pairOf(user, other)))),
    members: await store.groupMembers("#g", user, "", 100),
    log: await store.readLog(user, "#g", undefined, EVERYTHING),
  }));
  return await Promise.all(views);
}
