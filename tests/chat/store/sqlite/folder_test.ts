import {
  chmod,
  mkdir,
  open,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { DatabaseSync } from "node:sqlite";
import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { StoreError, sqliteStore } from "../../../../src/chat/store/mod.ts";
import { SCHEMA_VERSION } from "../../../../src/chat/store/sqlite/schema.ts";
import { type TestOptions, test } from "../../../testing.ts";
import { createUsers, openQuietWriter, temporaryFolder } from "../open_stores.ts";
import { frames, logPage, makeGroup, NOW, outgoing, readAll, sendNew } from "../store_steps.ts";
import { startStoreChild } from "../use_child.ts";
import { useStore } from "./use_store.ts";

const AS_ROOT: TestOptions =
  process.getuid?.() === 0 ? {} : { skip: "only root can become somebody who has fewer rights" };

test("openWriter() makes a folder and files that nobody else may read", async () => {
  await using folder = await temporaryFolder();
  const dir = join(folder.path, "new", "data");
  await using writer = await openQuietWriter(dir);
  await writer.write([{ type: "create_user", user: { name: "ann", password: "p" } }]);
  const mode = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8);
  assertEquals(await mode(dir), "700");
  const files = (await readdir(dir)).sort();
  assertEquals(files, ["chat.sqlite", "chat.sqlite-shm", "chat.sqlite-wal", "journal", "lock"]);
  for (const file of files) assertEquals([file, await mode(join(dir, file))], [file, "600"]);
});

test("openWriter() makes all folders that are missing, and says so where one cannot be made", async () => {
  await using folder = await temporaryFolder();
  const dir = join(folder.path, "a", "b", "..", "c");
  await using writer = await openQuietWriter(dir);
  assertEquals(writer.durable, "disk");
  assertEquals((await stat(join(folder.path, "a"))).mode & 0o777, 0o700);
  await writeFile(join(folder.path, "file"), "");
  await symlink(join(folder.path, "nowhere"), join(folder.path, "link"));
  for (const name of ["file/data", "file", "link", "link/data"]) {
    const error = await assertRejects(() => openQuietWriter(join(folder.path, name)), StoreError, name);
    assertEquals([name, error.code], [name, "unavailable"]);
  }
});

test("openWriter() refuses a folder that this process holds, and still holds it against others", async () => {
  await using folder = await temporaryFolder();
  await using writer = await openQuietWriter(folder.path);
  const error = await assertRejects(() => openQuietWriter(folder.path), StoreError, folder.path);
  assertEquals(error.code, "locked");
  await using child = await startStoreChild("hold", folder.path);
  assertEquals(await child.next("opened"), "locked");
  assertEquals((await writer.write([])).length, 0);
});

test("openWriter() refuses a folder that another process holds until that process is killed", async () => {
  await using folder = await temporaryFolder();
  await using child = await startStoreChild("hold", folder.path);
  assertEquals(await child.next("opened"), "ok");
  const error = await assertRejects(() => openQuietWriter(folder.path), StoreError, folder.path);
  assertEquals(error.code, "locked");
  await child.crash();
  await using writer = await openQuietWriter(folder.path);
  assertEquals(writer.durable, "disk");
});

test("openWriter() says which file of a folder this user may not write", AS_ROOT, async () => {
  await using folder = await temporaryFolder();
  await useStore(folder.path, (store) => createUsers(store, ["ann"]));
  await chmod(folder.path, 0o777);
  const files = ["lock", "chat.sqlite", "journal"].map((name) => join(folder.path, name));
  const opened = async (): Promise<unknown> => {
    await using child = await startStoreChild("open_as_nobody", folder.path);
    return await child.next("opened");
  };
  for (const readOnly of files) {
    for (const file of files) await chmod(file, file === readOnly ? 0o444 : 0o666);
    assertMatch(String(await opened()), new RegExp(`permission denied.*${readOnly}`, "i"));
  }
  for (const file of files) await chmod(file, 0o666);
  assertEquals(await opened(), "disk");
});

test("openWriter() gives the folder back when it is closed, and when the file there is damaged", async () => {
  await using folder = await temporaryFolder();
  const first = await openQuietWriter(folder.path);
  await first.close();
  await writeFile(join(folder.path, "chat.sqlite"), "x".repeat(5000));
  for (const attempt of [1, 2]) {
    const error = await assertRejects(() => openQuietWriter(folder.path), StoreError);
    assertEquals([attempt, error.code], [attempt, "damaged"]);
  }
});

test("openWriter() refuses a database of which a page past the first is damaged", async () => {
  await using folder = await temporaryFolder();
  const first = await openQuietWriter(folder.path);
  await first.write([{ type: "create_user", user: { name: "ann", password: "p" } }]);
  await first.close();
  const path = join(folder.path, "chat.sqlite");
  const pages = await readFile(path);
  for (let page = 4096; page < pages.length; page += 4096) pages.fill(0xab, page, page + 2000);
  await writeFile(path, pages);
  const error = await assertRejects(() => openQuietWriter(folder.path), StoreError, path);
  assertEquals(error.code, "damaged");
  assertEquals(await readFile(path), pages);
});

test("openWriter() looks at the beginning of each table of a database that is too large to be read as a whole", async () => {
  await using folder = await temporaryFolder();
  await (await openQuietWriter(folder.path)).close();
  const path = join(folder.path, "chat.sqlite");
  const { size } = await stat(path);
  // What lies behind its pages is nothing to SQLite.
  await truncate(path, 65 * 1024 * 1024);
  await (await openQuietWriter(folder.path)).close();
  const file = await open(path, "r+");
  for (let page = 4096; page < size; page += 4096)
    await file.write(new Uint8Array(2000).fill(0xab), 0, 2000, page);
  await file.close();
  await truncate(path, 65 * 1024 * 1024);
  const error = await assertRejects(() => openQuietWriter(folder.path), StoreError, path);
  assertEquals(error.code, "damaged");
});

/** Opens a folder with a certain file as its database, which must be refused and left as it is. */
async function assertRefused(dir: string, reason: string): Promise<void> {
  const path = join(dir, "chat.sqlite");
  const before = await readFile(path);
  const error = await assertRejects(() => openQuietWriter(dir), StoreError, reason);
  assertEquals(error.code, "damaged");
  assertStringIncludes(error.message, path);
  assertEquals((await readFile(path)).equals(before), true, "the file was changed");
}

test("openWriter() refuses a file that is no database, and leaves it as it is", async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, "chat.sqlite"), "not a database, whatever its name says".repeat(100));
  await assertRefused(folder.path, "not a database");
});

test("openWriter() refuses a database of something else, and leaves it as it is", async () => {
  await using folder = await temporaryFolder();
  const foreign = new DatabaseSync(join(folder.path, "chat.sqlite"));
  foreign.exec("CREATE TABLE users (name TEXT); INSERT INTO users VALUES ('x')");
  foreign.close();
  await assertRefused(folder.path, "not made by Chorus");
});

test("openWriter() refuses a database of a newer version, and leaves it as it is", async () => {
  await using folder = await temporaryFolder();
  await (await openQuietWriter(folder.path)).close();
  const newer = new DatabaseSync(join(folder.path, "chat.sqlite"));
  newer.exec(`PRAGMA user_version = ${SCHEMA_VERSION + 1}; PRAGMA journal_mode = DELETE`);
  newer.close();
  await assertRefused(folder.path, `version ${SCHEMA_VERSION + 1}`);
});

test("openWriter() makes the database anew after a start that was cut short", async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, "chat.sqlite.new"), "half");
  await writeFile(join(folder.path, "chat.sqlite"), "");
  await using writer = await openQuietWriter(folder.path);
  const [result] = await writer.write([{ type: "create_user", user: { name: "ann", password: "p" } }]);
  assertEquals(result, { type: "created", isNew: true });
});

test("openWriter() makes no database beside what an older one has left in its WAL, which it would take for its own", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "chat.sqlite");
  await writeFile(`${path}-wal`, "what only SQLite knows");
  for (const isThere of [false, true]) {
    if (isThere) await writeFile(path, "");
    const error = await assertRejects(() => openQuietWriter(folder.path), StoreError, `${path}-wal`);
    assertEquals(error.code, "damaged");
  }
  assertEquals(await readFile(`${path}-wal`, "utf8"), "what only SQLite knows");
  await rm(`${path}-wal`);
  await (await openQuietWriter(folder.path)).close();
});

test("openWriter() says which of its files is a folder, or a link to nowhere", async () => {
  await using folder = await temporaryFolder();
  for (const name of ["lock", "chat.sqlite", "journal"]) {
    const path = join(folder.path, name);
    for (const make of [() => mkdir(path), () => symlink(join(folder.path, "nowhere"), path)]) {
      await make();
      await assertRejects(() => openQuietWriter(folder.path), StoreError, path);
      await rm(path, { recursive: true });
    }
  }
});

test("openWriter() says that a folder cannot be used", async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "file");
  await writeFile(file, "");
  const error = await assertRejects(() => openQuietWriter(join(file, "data")), StoreError, file);
  assertEquals(error.code, "unavailable");
});

test("sqliteStore() says that a folder has no database", async () => {
  await using folder = await temporaryFolder();
  await using writer = await openQuietWriter(folder.path);
  const dir = join(folder.path, "other");
  await mkdir(dir);
  const error = await assertRejects(() => sqliteStore({ dir, writer }), StoreError, dir);
  assertEquals(error.code, "unavailable");
});

test("sqliteStore() finds everything again after the folder was closed and opened", async () => {
  await using folder = await temporaryFolder();
  const message = outgoing({ text: "kept" });
  const expiresAt = NOW + 1000;
  const before = await useStore(folder.path, async (store) => {
    await createUsers(store, ["ann", "bob"]);
    await store.addToken({ hash: "h", user: "ann", expiresAt });
    await store.send(message);
    const { epoch } = await store.openDevice("bob", "phone", NOW);
    await store.ack("bob", "phone", epoch, 1, []);
    await makeGroup(store, "#g", ["ann", "bob"]);
    await store.changeFriend("ann", "block", "bob");
    return epoch;
  });
  await useStore(folder.path, async (store) => {
    assertEquals(await store.findToken("h", NOW), "ann");
    assertEquals(await store.send(message), { outcome: "stored", seq: 1, at: NOW, duplicate: true });
    assertEquals(await sendNew(store, { text: "new" }), 2);
    const device = await store.openDevice("bob", "phone", NOW);
    const [, newest] = await readAll(store, "bob");
    const stamp = newest?.stamp;
    assertEquals(device, {
      epoch: before,
      top: 2,
      stamp,
      floor: 0,
      generation: NOW + 1,
      isRaised: true,
      acked: 1,
    });
    assertEquals(await store.send(outgoing({ from: "bob", to: "ann" })), { outcome: "blocked" });
    assertEquals(await store.memberNames("#g", "bob"), ["ann", "bob"]);
    assertEquals(
      (await frames(store, "bob")).map(({ inbox, text }) => [inbox, text]),
      [
        [1, "kept"],
        [2, "new"],
      ],
    );
    assertEquals((await store.findUser("ann"))?.password, "hash");
  });
});

test("a writer that is killed loses nothing that it has acknowledged, and nothing it holds has a hole", async () => {
  await using folder = await temporaryFolder();
  await useStore(folder.path, (store) => createUsers(store, ["ann", "bob"]));
  await using child = await startStoreChild("flood", folder.path);
  const stored = new Map<string, number>();
  const enough = Promise.withResolvers<void>();
  child.channel.on("stored", (body) => {
    const { id, result } = body as { id: string; result: { seq: number } };
    stored.set(id, result.seq);
    if (stored.size === 300) enough.resolve();
  });
  await enough.promise;
  await child.crash();
  await useStore(folder.path, async (store) => {
    const { entries } = await logPage(store, "ann:bob");
    const seqs = new Map(entries.map(({ id, seq }) => [id, seq]));
    for (const [id, seq] of stored) assertEquals([id, seqs.get(id)], [id, seq]);
    assertEquals(
      entries.map(({ seq }) => seq),
      entries.map((_, index) => index + 1),
    );
    for (const user of ["ann", "bob"])
      assertEquals(
        (await frames(store, user)).map(({ seq }) => seq),
        entries.map(({ seq }) => seq),
      );
  });
});
