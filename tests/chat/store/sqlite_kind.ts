import { copyFile, rm } from "node:fs/promises";
import { join } from "node:path";
import {
  remoteWriter,
  type Store,
  type StoreLimits,
  serveWriter,
  sqliteStore,
  type Writer,
} from "../../../src/chat/store/mod.ts";
import { HintCollector } from "./hint_collector.ts";
import {
  channelPair,
  createUsers,
  openQuietWriter,
  temporaryFolder,
  unexpected,
  waiting,
} from "./open_stores.ts";
import type { OpenedStore, RollableStore, StoreKind } from "./store_conformance.ts";

/** SQLite, each store in a folder of its own, written by the process that reads. */
export function sqliteKind(): StoreKind {
  return kindOf("sqlite", (writer) => writer);
}

/** SQLite, written by another process as far as the store can see. */
export function remoteSqliteKind(): StoreKind {
  return kindOf("sqlite written by another process", (writer) => {
    const [parent, child] = channelPair();
    serveWriter(parent, writer, unexpected);
    return remoteWriter(child, writer.durable);
  });
}

type WriterOf = (writer: Writer) => Writer;

function kindOf(name: string, writerOf: WriterOf): StoreKind {
  return {
    name,
    open: (users, limits = {}) => open(writerOf, users, limits),
    openRollable: (users) => openRollable(writerOf, users),
    close: () => Promise.resolve(),
  };
}

async function open(writerOf: WriterOf, users: readonly string[], limits: StoreLimits): Promise<OpenedStore> {
  await using opening = new AsyncDisposableStack();
  const folder = opening.use(await temporaryFolder());
  const collector = new HintCollector();
  const { store } = opening.use(await openFolder(folder.path, writerOf, collector, limits));
  await createUsers(store, users);
  const opened = opening.move();
  return {
    store,
    ...waiting(() => store, collector),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

async function openFolder(
  dir: string,
  writerOf: WriterOf,
  collector: HintCollector,
  limits: StoreLimits = {},
): Promise<AsyncDisposable & { readonly store: Store }> {
  await using opening = new AsyncDisposableStack();
  const hint = (user: string, line: Uint8Array): void => collector.add(user, line);
  const ownWriter = opening.use(await openQuietWriter(dir, { hint, limits, durable: "memory" }));
  const writer = opening.use(writerOf(ownWriter));
  const store = opening.use(await sqliteStore({ dir, writer }));
  const opened = opening.move();
  return { store, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** Keeps a copy of the folder's database, and brings it back while the folder is closed, as one does with a backup. */
async function openRollable(writerOf: WriterOf, users: readonly string[]): Promise<RollableStore> {
  const folder = await temporaryFolder();
  const path = join(folder.path, "chat.sqlite");
  const collector = new HintCollector();
  let opened = await openFolder(folder.path, writerOf, collector);
  await createUsers(opened.store, users);

  async function whileClosed(work: () => Promise<void>): Promise<void> {
    await opened[Symbol.asyncDispose]();
    await work();
    opened = await openFolder(folder.path, writerOf, collector);
  }

  return {
    get store() {
      return opened.store;
    },
    ...waiting(() => opened.store, collector),
    keep: () => whileClosed(() => copyFile(path, `${path}.kept`)),
    rollBack: () =>
      whileClosed(async () => {
        await Promise.all([`${path}-wal`, `${path}-shm`].map((left) => rm(left, { force: true })));
        await copyFile(`${path}.kept`, path);
      }),
    async [Symbol.asyncDispose]() {
      await opened[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}
