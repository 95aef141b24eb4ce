import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { assertEquals, assertRejects } from "@std/assert";
import { StoreError, sqliteStore } from "../../../../src/chat/store/mod.ts";
import { ADDED_IN_2, MARKS } from "../../../../src/chat/store/sqlite/schema.ts";
import { test } from "../../../testing.ts";
import { openQuietWriter, temporaryFolder } from "../open_stores.ts";
import { frames, logPage, makeGroup, NOW, outgoing, sendNew, textsOf } from "../store_steps.ts";
import { useStore } from "./use_store.ts";

/** The tables as version 1 made them. */
const SCHEMA_OF_1 = `
PRAGMA application_id = 0x43484f52;
PRAGMA user_version = 1;
PRAGMA journal_mode = WAL;
CREATE TABLE users (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  password TEXT NOT NULL,
  epoch TEXT NOT NULL,
  generation INTEGER NOT NULL DEFAULT 0,
  acked INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE tokens (
  hash TEXT PRIMARY KEY,
  user TEXT NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tokens_by_user ON tokens (user);
CREATE INDEX tokens_by_expiry ON tokens (expires_at);
CREATE TABLE devices (
  user INTEGER NOT NULL,
  device BLOB NOT NULL,
  acked INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  used_at INTEGER NOT NULL,
  PRIMARY KEY (user, device)
) STRICT, WITHOUT ROWID;
CREATE TABLE conversations (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE messages (
  place INTEGER PRIMARY KEY,
  stamp INTEGER NOT NULL,
  tail BLOB NOT NULL
) STRICT;
CREATE TABLE inboxes (
  place INTEGER PRIMARY KEY,
  stamp INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  is_gap INTEGER NOT NULL,
  tail BLOB NOT NULL
) STRICT;
CREATE TABLE marks (
  user INTEGER NOT NULL,
  conversation INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  stamp INTEGER NOT NULL,
  PRIMARY KEY (user, conversation)
) STRICT, WITHOUT ROWID;
CREATE TABLE senders (
  id INTEGER PRIMARY KEY,
  user INTEGER NOT NULL,
  device BLOB NOT NULL,
  used_at INTEGER NOT NULL,
  UNIQUE (user, device)
) STRICT;
CREATE TABLE dedupe (
  sender INTEGER NOT NULL,
  conversation INTEGER NOT NULL,
  id BLOB NOT NULL,
  number INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  at INTEGER NOT NULL,
  hash BLOB NOT NULL,
  PRIMARY KEY (sender, conversation, id)
) STRICT, WITHOUT ROWID;
`;

/** What version 1 wrote: ann has sent bob two messages, of which he has acknowledged one. */
const DATA_OF_1 = `
INSERT INTO users (id, name, password, epoch, generation, acked) VALUES
  (1, 'ann', 'hash', 'epoch-of-ann', 3, 0), (2, 'bob', 'hash', 'epoch-of-bob', 1, 1);
INSERT INTO tokens VALUES ('h', 'ann', ${NOW + 1000});
INSERT INTO devices VALUES (2, CAST('"phone"' AS BLOB), 1, 1, ${NOW});
INSERT INTO conversations VALUES (1, 'ann:bob');
INSERT INTO messages VALUES
  (1 << 32 | 1, 11, CAST('"conversation":"ann:bob","id":"a","from":"ann","to":"bob","text":"one","at":${NOW}}' AS BLOB)),
  (1 << 32 | 2, 12, CAST('"conversation":"ann:bob","id":"b","from":"ann","to":"bob","text":"two","at":${NOW}}' AS BLOB));
INSERT INTO inboxes SELECT (1 << 32) | (place & 0xff), stamp + 10, place & 0xff, 0, tail FROM messages;
INSERT INTO inboxes SELECT (2 << 32) | (place & 0xff), stamp + 20, place & 0xff, 0, tail FROM messages;
INSERT INTO marks VALUES (1, 1, 2, 12), (2, 1, 2, 12);
INSERT INTO senders VALUES (1, 1, CAST('"phone"' AS BLOB), ${NOW});
INSERT INTO dedupe VALUES (1, 1, CAST('"b"' AS BLOB), 1, 2, ${NOW}, x'0102030405060708090a0b0c0d0e0f10');
`;

/** Makes a folder's database as version 1 left it. */
function makeVersion1(dir: string, more = ""): void {
  const database = new DatabaseSync(join(dir, "chat.sqlite"));
  database.exec(`${SCHEMA_OF_1} ${DATA_OF_1} ${more}`);
  database.close();
}

/** Makes a folder's database as version 2 left it; logs and inboxes were those of version 1. */
function makeVersion2(dir: string): void {
  const more = `
    ALTER TABLE conversations ADD COLUMN top INTEGER NOT NULL DEFAULT 0;
    DROP TABLE marks;
    ${MARKS}
    INSERT INTO marks VALUES (1, 1, 2, 2, 2), (2, 1, 2, 2, 2);
    ${ADDED_IN_2}
    PRAGMA user_version = 2;`;
  makeVersion1(dir, more);
}

for (const [version, make] of Object.entries({ 1: makeVersion1, 2: makeVersion2 })) {
  test(`openWriter() brings a database of version ${version} up to date and loses nothing of it`, async () => {
    await using folder = await temporaryFolder();
    make(folder.path);
    await checkAll(folder.path);
    // What was written since then is there as well.
    await useStore(folder.path, async (store) =>
      assertEquals(textsOf(await frames(store, "bob")), ["one", "two", "three"]),
    );
  });
}

async function checkAll(dir: string): Promise<void> {
  await useStore(dir, async (store) => {
    assertEquals(await store.findToken("h", NOW), "ann");
    assertEquals(textsOf(await frames(store, "bob")), ["one", "two"]);
    assertEquals(
      (await logPage(store, "ann:bob")).entries.map(({ text }) => text),
      ["one", "two"],
    );
    const device = await store.openDevice("bob", "phone", NOW);
    const state = { epoch: "epoch-of-bob", top: 2, stamp: 32, floor: 0 };
    assertEquals(device, { ...state, generation: NOW, isRaised: true, acked: 1 });
    assertEquals(await sendNew(store, { text: "three" }), 3);
    assertEquals(textsOf(await frames(store, "bob")), ["one", "two", "three"]);
  });
}

test("openWriter() takes what version 1 has delivered for read, and counts from there", async () => {
  await using folder = await temporaryFolder();
  makeVersion1(folder.path);
  await useStore(folder.path, async (store) => {
    assertEquals(await store.unread("bob"), []);
    await sendNew(store);
    assertEquals(await store.unread("bob"), [{ conversation: "ann:bob", count: 1 }]);
    assertEquals(await store.receipts("ann:bob"), [
      { name: "ann", delivered: 2, read: 3 },
      { name: "bob", delivered: 2, read: 2 },
    ]);
  });
});

test("openWriter() knows a repeat of what version 1 has stored, whose text it can no longer compare", async () => {
  await using folder = await temporaryFolder();
  makeVersion1(folder.path);
  await useStore(folder.path, async (store) => {
    const earlier = { outcome: "stored", seq: 2, at: NOW, duplicate: true } as const;
    assertEquals(await store.send(outgoing({ id: "b", text: "two" })), earlier);
    await sendNew(store, { id: "c", text: "three" });
    assertEquals(await store.send(outgoing({ id: "c", text: "four" })), { outcome: "id_reused" });
  });
});

test("openWriter() gives a database of version 1 friends and groups, and opens it again after that", async () => {
  await using folder = await temporaryFolder();
  makeVersion1(folder.path);
  await useStore(folder.path, async (store) => {
    await makeGroup(store, "#g", ["ann", "bob"]);
    await store.changeFriend("ann", "block", "bob");
  });
  await useStore(folder.path, async (store) => {
    assertEquals(await store.memberNames("#g", "ann"), ["ann", "bob"]);
    assertEquals(await store.send(outgoing({ from: "bob", to: "ann" })), { outcome: "blocked" });
  });
});

test("openWriter() leaves a database of version 1 as it is when it cannot bring it up to date", async () => {
  await using folder = await temporaryFolder();
  makeVersion1(folder.path, "CREATE TABLE friends (something TEXT);");
  for (let attempt = 0; attempt < 2; attempt++)
    await assertRejects(() => openQuietWriter(folder.path), StoreError, "friends");
  const database = new DatabaseSync(join(folder.path, "chat.sqlite"));
  assertEquals({ ...database.prepare("PRAGMA user_version").get() }, { user_version: 1 });
  assertEquals({ ...database.prepare("SELECT count(*) AS marks FROM marks").get() }, { marks: 2 });
  database.close();
});

test("sqliteStore() refuses a database that no writer has brought up to date, and leaves it as it is", async () => {
  await using other = await temporaryFolder();
  await using writer = await openQuietWriter(other.path);
  await using folder = await temporaryFolder();
  makeVersion1(folder.path);
  const path = join(folder.path, "chat.sqlite");
  const before = await readFile(path);
  const error = await assertRejects(() => sqliteStore({ dir: folder.path, writer }), StoreError, "version 1");
  assertEquals(error.code, "unavailable");
  assertEquals((await readFile(path)).equals(before), true, "the file was changed");
  assertEquals(existsSync(join(folder.path, "lock")), false);
});
