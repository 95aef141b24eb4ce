import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { StoreError } from "../contract.ts";
import { isLocked, toStoreError } from "./error.ts";
import { migrate } from "./migrate.ts";
import { numberIn } from "./row.ts";
import { APPLICATION_ID, SCHEMA, SCHEMA_VERSION } from "./schema.ts";

/** How long a statement waits for another connection, in milliseconds: it holds up the whole event loop. */
const BUSY_TIMEOUT_MS = 1000;
/** Pages of 4 KiB in the WAL with which the commit itself brings them into the database, where nothing else has: it holds up the whole event loop. */
const MAX_WAL_PAGES = 64_000;
/** The WAL file is cut back to this many bytes after a checkpoint. */
const WAL_BYTES = 64 * 1024 * 1024;
/** The largest database of which every page is looked at when it is opened, in bytes: that takes 1.5 ms a MiB, and the disk's time. */
const CHECKED_BYTES = 64 * 1024 * 1024;
/** What the writer keeps of the database in memory, in KiB. */
const CACHE_KIB = 32 * 1024;

/** Where the database of a data folder is. */
export function databasePath(dir: string): string {
  return join(dir, "chat.sqlite");
}

/** Makes the data folder (0700) if there is none, and those around it. */
export function makeFolder(dir: string): void {
  const path = resolve(dir);
  if (existsSync(path)) return;
  // Not `recursive`: where a folder that is there takes none, as /proc does, Node tries for ever.
  if (dirname(path) !== path) makeFolder(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
    syncFile(dirname(path), "r");
  } catch (error) {
    // Another process may have made it just now.
    if (!existsSync(path)) throw error;
  }
}

/**
 * Takes the data folder for this process. The system gives it back when the process ends, however it ends.
 *
 * @returns What to close to give it back.
 * @throws {StoreError} `locked` when another writer holds it.
 */
export function lockFolder(dir: string): DatabaseSync {
  const path = join(dir, "lock");
  makeFile(path);
  checkRights(path);
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(path, { timeout: 0 });
    // Nothing is ever written in it, so there is nothing to keep a journal of.
    lock.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    return lock;
  } catch (cause) {
    lock?.close();
    throw isLocked(cause) ? heldByAnother(dir, cause) : toStoreError(cause, `lock "${path}"`);
  }
}

function heldByAnother(dir: string, cause: unknown): StoreError {
  return new StoreError("locked", `Cannot open data folder "${dir}": another process holds it`, { cause });
}

/**
 * Opens the database for writing, makes it if there is none, and brings it up to date if it is older. The folder must be locked.
 *
 * @throws {StoreError} `damaged` when it is not ours, of a newer version or, as far as that is found quickly, broken; it is not touched then.
 */
export function openForWriting(dir: string, durable: "memory" | "disk"): DatabaseSync {
  const path = databasePath(dir);
  const isThere = existsSync(path);
  if (isThere) checkRights(path);
  if (isThere && statSync(path).size > 0) checkFile(path);
  else {
    refuseLeftovers(path);
    createDatabase(path);
  }
  const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
  try {
    database.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = ${durable === "disk" ? "FULL" : "NORMAL"};
      PRAGMA wal_autocheckpoint = ${MAX_WAL_PAGES};
      PRAGMA cache_size = -${CACHE_KIB};
      PRAGMA journal_size_limit = ${WAL_BYTES};
    `);
    migrate(database, pragma(database, "user_version"));
    return database;
  } catch (cause) {
    database.close();
    throw toStoreError(cause, `open database "${path}"`);
  }
}

/**
 * Opens the database of a folder that a writer has opened before, for reading.
 *
 * @throws {StoreError} `unavailable` when there is none or no writer has brought it up to date, `damaged` when it is not ours.
 */
export function openForReading(dir: string): DatabaseSync {
  const path = databasePath(dir);
  if (!existsSync(path)) {
    throw new StoreError("unavailable", `Cannot open database "${path}": there is no such file`);
  }
  const database = inspected(path);
  const version = pragma(database, "user_version");
  if (version === SCHEMA_VERSION) return database;
  database.close();
  const reason = `it has version ${version}, and no writer has brought it to version ${SCHEMA_VERSION} yet`;
  throw new StoreError("unavailable", `Cannot open database "${path}": ${reason}`);
}

/** A file that SQLite makes by itself would be readable by others; its WAL takes over the mode of the database. */
export function makeFile(path: string): void {
  // A file that exists is not opened here: closing it would give up the locks that this process holds on it.
  if (!existsSync(path)) closeSync(openSync(path, "wx", 0o600));
}

/** SQLite opens a file that may not be written for reading, without a word; a lock on it then keeps nobody away. */
function checkRights(path: string): void {
  accessSync(path, constants.R_OK | constants.W_OK);
}

function inspected(path: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT_MS });
    checkOwner(database, path);
    return database;
  } catch (cause) {
    database?.close();
    throw toStoreError(cause, `open database "${path}"`);
  }
}

function checkFile(path: string): void {
  const database = inspected(path);
  try {
    if (statSync(path).size <= CHECKED_BYTES) checkPages(database, path);
    else checkTables(database);
  } catch (cause) {
    throw toStoreError(cause, `open database "${path}"`);
  } finally {
    database.close();
  }
}

function checkPages(database: DatabaseSync, path: string): void {
  const found = String(database.prepare("PRAGMA quick_check(1)").get()?.quick_check);
  if (found === "ok") return;
  const words = found.replaceAll(/\s+/g, " ");
  const hint = hasWal(path) ? `, unless "${path}-wal" belongs to another one` : "";
  throw new StoreError("damaged", `Cannot open database "${path}": it is damaged (${words})${hint}`);
}

/** Looks at the beginning of every table: a large database is not read as a whole. */
function checkTables(database: DatabaseSync): void {
  const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
  for (const { name } of tables) database.prepare(`SELECT * FROM "${name}" LIMIT 1`).get();
}

function checkOwner(database: DatabaseSync, path: string): void {
  if (pragma(database, "application_id") !== APPLICATION_ID) {
    throw new StoreError("damaged", `Cannot open database "${path}": it was not made by Chorus`);
  }
  const version = pragma(database, "user_version");
  if (version > SCHEMA_VERSION) {
    const versions = `it has version ${version}, this program knows versions up to ${SCHEMA_VERSION}`;
    throw new StoreError("damaged", `Cannot open database "${path}": ${versions}`);
  }
}

/** A database may be somewhere else just now; what an older one has left here would be brought into a new one. */
function refuseLeftovers(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink())
    throw new StoreError("unavailable", `Cannot open database "${path}": it is a link to what is not there`);
  if (!hasWal(path)) return;
  const reason = `there is none, but "${path}-wal" has what belongs to one: put the database back, or remove that file and lose what it holds`;
  throw new StoreError("damaged", `Cannot open database "${path}": ${reason}`);
}

function hasWal(path: string): boolean {
  const found = statSync(`${path}-wal`, { throwIfNoEntry: false });
  return found !== undefined && found.size > 0;
}

/** Under another name first, so that a start cut short never leaves half a database behind. */
function createDatabase(path: string): void {
  const newPath = `${path}.new`;
  for (const left of [newPath, `${newPath}-journal`, `${newPath}-wal`, `${newPath}-shm`])
    rmSync(left, { force: true });
  makeFile(newPath);
  const database = new DatabaseSync(newPath);
  try {
    // Nobody knows the file yet, so it goes to the disk once, as a whole.
    database.exec(`
      PRAGMA journal_mode = MEMORY;
      PRAGMA synchronous = OFF;
      BEGIN;
      PRAGMA application_id = ${APPLICATION_ID};
      PRAGMA user_version = ${SCHEMA_VERSION};
      ${SCHEMA}
      COMMIT;
      PRAGMA journal_mode = WAL;
    `);
  } finally {
    database.close();
  }
  syncFile(newPath, "r+");
  renameSync(newPath, path);
}

/** Waits until the disk has a file, or the names in a folder. */
export function syncFile(path: string, flags: "r" | "r+"): void {
  const file = openSync(path, flags);
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function pragma(database: DatabaseSync, name: string): number {
  const row = database.prepare(`PRAGMA ${name}`).get();
  return row ? numberIn(row, name) : 0;
}
