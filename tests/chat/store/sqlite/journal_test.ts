import { copyFile, open, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { assertEquals, assertRejects } from "@std/assert";
import { ManualClock } from "../../../../src/async/mod.ts";
import {
  type Store,
  StoreError,
  sqliteStore,
  type WriteOp,
  type Writer,
  type WriterOptions,
} from "../../../../src/chat/store/mod.ts";
import { RUNTIME, test } from "../../../testing.ts";
import { createUsers, type Folder, openQuietWriter, temporaryFolder } from "../open_stores.ts";
import { frames, makeGroup, NOW, outgoing, readAll, sendNew, textsOf } from "../store_steps.ts";
import { seenBy, snapshot } from "./crash.ts";
import { useStore } from "./use_store.ts";

const USERS = ["ann", "bob", "carl", "dan"];

/** A store with users and a group. */
async function openStore(
  folder: Folder,
  options: Partial<WriterOptions> = {},
): Promise<{ readonly writer: Writer; readonly store: Store }> {
  const writer = await openQuietWriter(folder.path, options);
  const store = await sqliteStore({ dir: folder.path, writer });
  await createUsers(store, USERS);
  await makeGroup(store, "#g", USERS);
  return { writer, store };
}

/** How many messages are in the database, whatever the journal has. */
function committed(folder: Folder): number {
  const database = new DatabaseSync(join(folder.path, "chat.sqlite"), { readOnly: true });
  const { count } = { ...database.prepare("SELECT count(*) AS count FROM messages").get() };
  database.close();
  return Number(count);
}

/** A database with one message for bob, beside the journal of a later time, which begins after another commit. */
async function olderWithJournal(folder: Folder, writer: Writer, store: Store): Promise<Folder> {
  await sendNew(store);
  await writer.flush();
  const older = await snapshot(folder, "older");
  await writer.write([{ type: "open_device", user: "bob", device: "phone", now: NOW }]);
  await sendNew(store);
  await copyFile(join(folder.path, "journal"), join(older.path, "journal"));
  return older;
}

test("what was answered is in the journal before it is in the database, and is the same after a crash", async () => {
  await using folder = await temporaryFolder();
  const hints: string[] = [];
  const { writer, store } = await openStore(folder, {
    hint: (user, line) => hints.push(`${user} ${new TextDecoder().decode(line)}`),
  });
  for (let count = 0; count < 5; count++) {
    await sendNew(store, { text: `to bob ${count} \0 "👍"` });
    await sendNew(store, { from: "carl", to: "#g", text: `to all ${count}` });
  }
  await store.markRead("bob", "ann:bob", 3);
  assertEquals(committed(folder), 0);
  await using crashed = await snapshot(folder, "crashed");
  const found = await useStore(crashed.path, (after) => seenBy(after, USERS));
  assertEquals(committed(folder), 0, "nothing was read of the first folder yet");
  assertEquals(found, await seenBy(store, USERS));
  assertEquals(committed(folder), 10, "who reads makes the database take it");
  const lines = hints.filter((hint) => hint.startsWith("bob ")).map((hint) => hint.slice(4));
  assertEquals(
    (found as { user: string; lines: string[] }[]).find(({ user }) => user === "bob")?.lines,
    lines,
  );
  await writer.close();
});

test("a journal that ends in the middle of a batch is read up to there, and goes on", async () => {
  await using folder = await temporaryFolder();
  const { writer, store } = await openStore(folder);
  for (let count = 1; count <= 4; count++) await sendNew(store, { text: `${count}` });
  await using crashed = await snapshot(folder, "crashed");
  const whole = await readFile(join(crashed.path, "journal"));
  const damaged: (readonly [Uint8Array, number])[] = [
    [new Uint8Array(0), 0],
    [whole.subarray(0, 5), 0],
    [whole.subarray(0, whole.length - 1), 3],
    [Buffer.concat([whole, Buffer.from([9, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13])]), 4],
    [Buffer.concat([whole, whole]), 4],
    [whole.map((byte, index) => (index === whole.length - 20 ? byte ^ 1 : byte)), 3],
  ];
  for (const [bytes, kept] of damaged) {
    await using copy = await snapshot(crashed, "copy");
    await writeFile(join(copy.path, "journal"), bytes);
    await useStore(copy.path, async (after) => {
      assertEquals((await readAll(after, "bob")).length, kept);
      assertEquals(await sendNew(after), kept + 1);
    });
    assertEquals(
      await useStore(copy.path, (after) => readAll(after, "ann")).then(({ length }) => length),
      kept + 1,
    );
  }
  await writer.close();
});

test("a journal is written over from its beginning, and what it held before is not taken again", async () => {
  await using folder = await temporaryFolder();
  const { writer, store } = await openStore(folder);
  for (let count = 1; count <= 20; count++) await sendNew(store, { text: "x".repeat(count * 10) });
  await writer.flush();
  const before = (await readFile(join(folder.path, "journal"))).length;
  await sendNew(store, { text: "new" });
  assertEquals((await readFile(join(folder.path, "journal"))).length, before);
  await using crashed = await snapshot(folder, "crashed");
  assertEquals((await useStore(crashed.path, (after) => readAll(after, "bob"))).length, 21);
  await writer.close();
  assertEquals((await readFile(join(folder.path, "journal"))).length, 0);
});

test("a journal that goes on later than the database is refused, and nothing is touched", async () => {
  await using folder = await temporaryFolder();
  const { writer, store } = await openStore(folder);
  await using older = await olderWithJournal(folder, writer, store);
  const error = await assertRejects(
    () => openQuietWriter(older.path),
    StoreError,
    join(older.path, "journal"),
  );
  assertEquals(error.code, "damaged");
  assertEquals(await readFile(join(older.path, "journal")), await readFile(join(folder.path, "journal")));
  await rm(join(older.path, "journal"));
  assertEquals((await useStore(older.path, (after) => readAll(after, "bob"))).length, 1);
  await writer.close();
});

const FULL = {
  skip: RUNTIME === "deno" ? "it opens no device for whom may not do everything" : undefined,
};

test("where the journal cannot be written the database takes every batch, and it is told", FULL, async () => {
  await using folder = await temporaryFolder();
  // A device that is always full.
  await symlink("/dev/full", join(folder.path, "journal"));
  const errors: string[] = [];
  const { writer, store } = await openStore(folder, { onError: (_, { during }) => errors.push(during) });
  assertEquals([await sendNew(store), await sendNew(store)], [1, 2]);
  assertEquals(committed(folder), 2);
  assertEquals(errors, ["write", "write"]);
  await writer.close();
});

test("the database takes what was stored within a second, also when nobody reads it", async () => {
  await using folder = await temporaryFolder();
  const clock = new ManualClock(NOW);
  const { writer, store } = await openStore(folder, { clock });
  await sendNew(store);
  clock.advance(999);
  assertEquals(committed(folder), 0);
  clock.advance(1);
  assertEquals(committed(folder), 1);
  await sendNew(store);
  clock.advance(1000);
  assertEquals(committed(folder), 2);
  await writer.close();
});

test("a second counts from what was stored first since the last commit, whoever asked for that one", async () => {
  await using folder = await temporaryFolder();
  const clock = new ManualClock(NOW);
  const { writer, store } = await openStore(folder, { clock });
  await sendNew(store);
  clock.advance(600);
  await writer.flush();
  await sendNew(store);
  clock.advance(999);
  assertEquals(committed(folder), 1);
  clock.advance(1);
  assertEquals(committed(folder), 2);
  await writer.close();
});

test("a number that no message has is refused before the journal takes it", async () => {
  const seq = 0.5;
  await using folder = await temporaryFolder();
  const { writer, store } = await openStore(folder, { onError: () => undefined });
  await sendNew(store);
  const { epoch } = await store.openDevice("bob", "phone", NOW);
  const conversation = "ann:bob";
  const results = await writer.write([
    { type: "read", user: "bob", conversation, seq },
    { type: "ack", user: "bob", device: "phone", epoch, inbox: 1, delivered: [{ conversation, seq }] },
    { type: "send", message: outgoing() },
  ]);
  assertEquals(
    results.map(({ type }) => type),
    ["failed", "failed", "sent"],
  );
  await writer.close();
  assertEquals(await useStore(folder.path, async (after) => (await readAll(after, "bob")).length), 2);
});

test("a journal that is damaged while the database cannot take it makes writes fail instead of losing what it held", async () => {
  await using folder = await temporaryFolder();
  const during: string[] = [];
  const { writer, store } = await openStore(folder, { onError: (_, context) => during.push(context.during) });
  await sendNew(store, { text: "first" });
  const file = await open(join(folder.path, "journal"), "r+");
  await file.write(Buffer.alloc(4), 0, 4, 4);
  // This batch is taken back, and all that the journal held would come with it.
  const bad: WriteOp = { type: "send", message: outgoing({ at: 1.5 }) };
  const error = await assertRejects(() => writer.write([bad]), StoreError, "damaged");
  assertEquals([error.code, during], ["unavailable", ["write"]]);
  await assertRejects(() => writer.write([bad]), StoreError, "damaged");
  await file.close();
  await assertRejects(() => writer.flush(), StoreError, "damaged");
  await writer.close();
});

test("without a wait for the disk a loss of power may take the newest, and the folder opens all the same", async () => {
  await using folder = await temporaryFolder();
  const { writer, store } = await openStore(folder, { durable: "memory" });
  // The system had written the journal, but not yet the WAL.
  await using older = await olderWithJournal(folder, writer, store);
  await useStore(older.path, async (after) => {
    assertEquals((await readAll(after, "bob")).length, 1);
    assertEquals(await sendNew(after), 2);
  });
  await writer.close();
});

test("a journal that was dropped does not come back behind what is written next", async () => {
  await using folder = await temporaryFolder();
  const { writer, store } = await openStore(folder, { durable: "memory" });
  await sendNew(store, { text: "first" });
  await writer.flush();
  await using older = await snapshot(folder, "older");
  await writer.write([{ type: "open_device", user: "bob", device: "phone", now: NOW }]);
  for (const number of [1, 2, 3]) await sendNew(store, { text: `old ${number}`, id: `old ${number}` });
  await copyFile(join(folder.path, "journal"), join(older.path, "journal"));
  await writer.close();
  await using next = await openQuietWriter(older.path, { durable: "memory" });
  // Of the length of the one that it takes the place of, so that what was dropped lies right behind.
  await next.write([{ type: "send", message: outgoing({ text: "new 1", id: "new 1" }) }]);
  await using killed = await snapshot(older, "killed");
  const texts = await useStore(killed.path, async (again) => textsOf(await frames(again, "bob")));
  assertEquals(texts, ["first", "new 1"]);
});

test("a writer that cannot take its journal in when it is closed says so once, and leaves it for the next start", async () => {
  await using folder = await temporaryFolder();
  const clock = new ManualClock(NOW);
  const during: string[] = [];
  const { writer } = await openStore(folder, { clock, onError: (_, context) => during.push(context.during) });
  const written = writer.write([{ type: "send", message: outgoing() }]);
  const { exec } = DatabaseSync.prototype;
  DatabaseSync.prototype.exec = function (sql: string) {
    if (sql === "COMMIT") throw new Error("disk I/O error");
    exec.call(this, sql);
  };
  await writer.close();
  DatabaseSync.prototype.exec = exec;
  assertEquals((await written)[0]?.type, "sent");
  await new Promise((resolve) => setImmediate(resolve));
  clock.advance(5000);
  assertEquals(during, ["close"]);
  assertEquals((await useStore(folder.path, (after) => readAll(after, "bob"))).length, 1);
});

test("who has read more than there is has read all of it, also after a crash", async () => {
  await using folder = await temporaryFolder();
  const { writer, store } = await openStore(folder);
  await sendNew(store);
  await store.markRead("bob", "ann:bob", Number.POSITIVE_INFINITY);
  await using crashed = await snapshot(folder, "crashed");
  const read = async (of: Store) => (await of.conversations("bob", "", 10)).entries.map(({ read }) => read);
  assertEquals(await useStore(crashed.path, read), await read(store));
  await writer.close();
});
