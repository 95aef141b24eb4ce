import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setImmediate as turn } from "node:timers/promises";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Checkpoints } from "../../../../src/chat/store/sqlite/checkpoints.ts";
import { databasePath, openForWriting } from "../../../../src/chat/store/sqlite/database.ts";
import { test } from "../../../testing.ts";
import { temporaryFolder, unexpected } from "../open_stores.ts";

/** Pages of the WAL with which a checkpoint begins here; a commit makes some ten. */
const PAGES = 2000;

function checkpointsOf(database: DatabaseSync, path: string, onError: (error: Error) => void): Checkpoints {
  return new Checkpoints({ database, path, pages: PAGES, onError });
}

/** Commits a row of eight pages. */
function commit(database: DatabaseSync, number: number): void {
  database.exec(`INSERT INTO messages (place, stamp, tail) VALUES (${number}, 0, zeroblob(30_000))`);
}

/** How many pages the WAL has, and how many of them are in the database. */
function wal(database: DatabaseSync): { readonly pages: number; readonly brought: number } {
  const { log, checkpointed } = { ...database.prepare("PRAGMA wal_checkpoint(NOOP)").get() };
  return { pages: Number(log), brought: Number(checkpointed) };
}

/** How many rows the database has without its WAL. */
async function rowsWithoutWal(dir: string): Promise<number> {
  const copy = join(dir, "copy.sqlite");
  await copyFile(databasePath(dir), copy);
  using database = new DatabaseSync(copy);
  return Number({ ...database.prepare("SELECT count(*) AS count FROM messages").get() }.count);
}

test("the WAL begins anew while commits go on: a thread brings most of it into the database", async () => {
  await using folder = await temporaryFolder();
  using database = openForWriting(folder.path, "disk");
  const checkpoints = checkpointsOf(database, databasePath(folder.path), unexpected);
  let [commits, begunAnew, pages] = [0, 0, 0];
  while (begunAnew < 3) {
    commit(database, commits++);
    const before = pages;
    pages = wal(database).pages;
    if (pages < before) begunAnew += 1;
    checkpoints.committed();
    await turn();
  }
  await checkpoints.close();
  const rows = await rowsWithoutWal(folder.path);
  assert(rows > 0 && rows >= commits - pages / 8, `${rows} of ${commits} rows are in the database`);
});

test("where the disk has little room the WAL begins anew sooner", async () => {
  await using folder = await temporaryFolder();
  const path = databasePath(folder.path);
  using database = openForWriting(folder.path, "disk");
  let room = Number.MAX_SAFE_INTEGER;
  const checkpoints = new Checkpoints({ database, path, room: () => room, onError: unexpected });
  let [commits, most] = [0, 0];
  for (; commits < 200; commits++) {
    commit(database, commits);
    checkpoints.committed();
  }
  assertEquals(wal(database).brought, 0);
  const { pages } = wal(database);
  room = 2 * 4096 * pages;
  for (; commits < 1000; commits++) {
    commit(database, commits);
    checkpoints.committed();
    most = Math.max(most, wal(database).pages);
  }
  await checkpoints.close();
  assert(most < pages + 100, `the WAL had ${pages} pages with room, and ${most} without`);
});

test("a checkpoint that fails is told, and tried again after the next commit", async () => {
  await using folder = await temporaryFolder();
  using database = openForWriting(folder.path, "disk");
  const errors: string[] = [];
  let next = Promise.withResolvers<void>();
  const checkpoints = checkpointsOf(database, join(folder.path, "none", "chat.sqlite"), (error) => {
    errors.push(error.message);
    next.resolve();
  });
  for (let number = 0; number < 250; number++) commit(database, number);
  for (let count = 0; count < 2; count++) {
    next = Promise.withResolvers();
    checkpoints.committed();
    await next.promise;
  }
  assertEquals(wal(database).brought, 0, "the writer has brought it all by itself");
  await checkpoints.close();
  assertEquals(errors.length, 2);
  for (const error of errors) assertMatch(error, /^Cannot checkpoint database ".*none.*": .*unable to open/);
});

test("after its close no checkpoint is begun", async () => {
  await using folder = await temporaryFolder();
  using database = openForWriting(folder.path, "disk");
  const checkpoints = checkpointsOf(database, databasePath(folder.path), unexpected);
  await checkpoints.close();
  for (let number = 0; number < 250; number++) commit(database, number);
  checkpoints.committed();
  await turn();
  assertEquals(wal(database).brought, 0);
});
