import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { ManualClock } from "../../../../src/async/mod.ts";
import { StoreError, sqliteStore, type WriteOp } from "../../../../src/chat/store/mod.ts";
import { test } from "../../../testing.ts";
import { createUsers, openQuietWriter, temporaryFolder } from "../open_stores.ts";
import {
  type Frame,
  frames,
  makeGroup,
  NOW,
  outgoing,
  readAll,
  sendMany,
  sendNew,
  sendTexts,
} from "../store_steps.ts";
import { useStore } from "./use_store.ts";

const ANN: WriteOp = { type: "create_user", user: { name: "ann", password: "p" } };
const BOB: WriteOp = { type: "create_user", user: { name: "bob", password: "p" } };

/** Changes a closed folder's database behind the store's back. */
function edit(dir: string, sql: string): void {
  const database = new DatabaseSync(join(dir, "chat.sqlite"));
  database.exec(sql);
  database.close();
}

function send(change: Parameters<typeof outgoing>[0] = {}): WriteOp {
  return { type: "send", message: outgoing(change) };
}

/** What a user's inbox looks like: kind, inbox number, number in the log. */
function shape(all: readonly Frame[]): unknown {
  return all.map(({ type, inbox, seq }) => [type, inbox, seq]);
}

test("a writer fails one write that cannot be done, with it what its sender wrote after it, and does its neighbors", async () => {
  await using folder = await temporaryFolder();
  const failures: string[] = [];
  const hints: string[] = [];
  await using writer = await openQuietWriter(folder.path, {
    hint: (user) => hints.push(user),
    onError: (error, { during }) => failures.push(`${during}: ${error.message}`),
  });
  const back = send({ from: "bob", to: "ann" });
  const results = await writer.write([ANN, BOB, send(), send({ at: 1.5 }), send(), back]);
  assertEquals(
    results.map(({ type }) => type),
    ["created", "created", "sent", "failed", "failed", "sent"],
  );
  assertEquals(results.map((result) => (result.type === "sent" ? result.result : undefined)).slice(2), [
    { outcome: "stored", seq: 1, at: NOW, duplicate: false },
    undefined,
    undefined,
    { outcome: "stored", seq: 2, at: NOW, duplicate: false },
  ]);
  assertEquals(hints, ["ann", "bob", "bob", "ann"]);
  assertEquals(failures.length, 1);
  assert(failures[0]?.startsWith('write: Cannot write "send"'), failures[0]);
});

test("a writer that could not write refuses what waits behind it, too, so that no message overtakes one that goes again", async () => {
  await using folder = await temporaryFolder();
  await using writer = await openQuietWriter(folder.path, { onError: () => undefined });
  await writer.write([ANN, BOB]);
  const intruder = new DatabaseSync(join(folder.path, "chat.sqlite"));
  intruder.exec("BEGIN IMMEDIATE");
  const first = writer.write(Array.from({ length: 512 }, () => send()));
  const second = writer.write([send()]);
  const unlocked = first.catch((error: unknown) => {
    intruder.exec("ROLLBACK");
    throw error;
  });
  assertEquals((await assertRejects(() => unlocked, StoreError)).code, "unavailable");
  assertEquals((await assertRejects(() => second, StoreError)).code, "unavailable");
  intruder.close();
  assertEquals((await writer.write([send()])).length, 1);
});

test("a writer does a change of a group again that a failed neighbor has undone", async () => {
  await using folder = await temporaryFolder();
  await using writer = await openQuietWriter(folder.path, { onError: () => undefined });
  await using store = await sqliteStore({ dir: folder.path, writer });
  await createUsers(store, ["ann", "bob"]);
  await makeGroup(store, "#g", ["ann"]);
  const join: WriteOp = { type: "group", group: "#g", by: "bob", change: { action: "join" } };
  const [joined, failed] = await writer.write([join, send({ at: 1.5 })]);
  assertEquals(joined, { type: "group", result: { outcome: "done", told: ["ann", "bob"], owner: "ann" } });
  assertEquals(failed?.type, "failed");
  assertEquals(await store.memberNames("#g", "bob"), ["ann", "bob"]);
});

test("a writer answers unavailable while another connection keeps it from writing, and goes on after that", async () => {
  await using folder = await temporaryFolder();
  const during: string[] = [];
  await using writer = await openQuietWriter(folder.path, {
    onError: (_, context) => during.push(context.during),
  });
  await writer.write([ANN, BOB]);
  const intruder = new DatabaseSync(join(folder.path, "chat.sqlite"));
  intruder.exec("BEGIN IMMEDIATE");
  const error = await assertRejects(() => writer.write([send()]), StoreError, "locked");
  assertEquals([error.code, during], ["unavailable", ["write"]]);
  intruder.exec("ROLLBACK");
  intruder.close();
  const [result] = await writer.write([send()]);
  assertEquals(result, { type: "sent", result: { outcome: "stored", seq: 1, at: NOW, duplicate: false } });
});

test("a writer refuses the write after the 10,000th that waits, and does those", async () => {
  await using folder = await temporaryFolder();
  await using writer = await openQuietWriter(folder.path);
  const ack: WriteOp = { type: "ack", user: "nobody", device: "phone", epoch: "", inbox: 1 };
  const waiting = Array.from({ length: 100 }, () => writer.write(Array.from({ length: 100 }, () => ack)));
  const error = await assertRejects(() => writer.write([ack]), StoreError, "10000");
  assertEquals(error.code, "unavailable");
  assertEquals((await Promise.all(waiting)).flat().length, 10_000);
  assertEquals((await writer.write([ack])).length, 1);
});

test("a writer that had no room for some writes takes no fewer of them either, until it has done some: none overtakes those", async () => {
  await using folder = await temporaryFolder();
  await using writer = await openQuietWriter(folder.path);
  const ack: WriteOp = { type: "ack", user: "nobody", device: "phone", epoch: "", inbox: 1 };
  const asked = [9900, 256, 50].map((count) => writer.write(Array.from({ length: count }, () => ack)));
  const outcomes = await Promise.allSettled(asked);
  assertEquals(
    outcomes.map(({ status }) => status),
    ["fulfilled", "rejected", "rejected"],
  );
  assertEquals((await writer.write([ack])).length, 1);
});

for (const count of [511, 767]) {
  test(`an inbox loses nothing while it is within its bounds, whatever it held before: ${count} entries`, async () => {
    const limits = { inboxEntries: 100, inboxBytes: 100_000 };
    await using folder = await temporaryFolder();
    await useStore(
      folder.path,
      async (store) => {
        await createUsers(store, ["ann", "bob"]);
        await sendMany(store, count, { text: "x".repeat(250) });
        assertEquals((await readAll(store, "bob")).length, 100);
      },
      limits,
    );
  });
}

test("of an inbox that has too many bytes the oldest go, by whole chunks, and what is gone does not count", async () => {
  const limits = { inboxEntries: 400, inboxBytes: 150_000 };
  await using folder = await temporaryFolder();
  await useStore(
    folder.path,
    async (store) => {
      await createUsers(store, ["ann", "bob"]);
      // Some 420 bytes each with all that belongs to them: 400 are too much, 256 are not.
      await sendMany(store, 767, { text: "x".repeat(250) });
      assertEquals((await readAll(store, "bob")).length, 256);
    },
    limits,
  );
});

test("a writer does what is queued when it is closed, and refuses what comes later", async () => {
  await using folder = await temporaryFolder();
  const writer = await openQuietWriter(folder.path);
  const queued = writer.write([ANN]);
  await Promise.all([writer.close(), writer.close()]);
  assertEquals(await queued, [{ type: "created", isNew: true }]);
  const error = await assertRejects(() => writer.write([BOB]), StoreError, "closed");
  assertEquals(error.code, "unavailable");
  await useStore(folder.path, async (store) => assert(await store.findUser("ann")));
});

test("a writer goes on when a hint throws, and tells of it", async () => {
  await using folder = await temporaryFolder();
  const during: string[] = [];
  let calls = 0;
  await using writer = await openQuietWriter(folder.path, {
    hint() {
      calls += 1;
      throw new Error("bus is broken");
    },
    onError: (_, context) => during.push(context.during),
  });
  const results = await writer.write([ANN, BOB, send()]);
  assertEquals([results.length, calls, during], [3, 2, ["hint", "hint"]]);
});

test("a writer removes expired tokens and what silent devices have sent", async () => {
  await using folder = await temporaryFolder();
  const clock = new ManualClock(NOW);
  const writer = await openQuietWriter(folder.path, { clock, limits: { dedupeMs: 1000 } });
  await writer.write([ANN, BOB, send({ device: "silent" })]);
  await writer.write([{ type: "add_token", token: { hash: "old", user: "ann", expiresAt: NOW + 1000 } }]);
  await writer.write([{ type: "add_token", token: { hash: "new", user: "ann", expiresAt: NOW + 100_000 } }]);
  clock.advance(20_000);
  await writer.write([send({ device: "talking", at: clock.wallNow() })]);
  await writer.close();
  const database = new DatabaseSync(join(folder.path, "chat.sqlite"));
  const count = (table: string): unknown => database.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.n;
  assertEquals([count("tokens"), count("senders"), count("dedupe")], [1, 1, 1]);
  database.close();
});

test("a writer keeps the inbox of a user apart from the next one's, whatever number is asked for", async () => {
  await using folder = await temporaryFolder();
  await using writer = await openQuietWriter(folder.path);
  await using store = await sqliteStore({ dir: folder.path, writer });
  await createUsers(store, ["ann", "bob"]);
  await sendTexts(store, ["1"], { to: "ann" });
  await sendTexts(store, ["2"], { from: "bob", to: "bob" });
  for (const after of [2 ** 32 - 1, 2 ** 32, 2 ** 33]) {
    assertEquals(await store.readInbox("ann", after, { count: 10, bytes: 1000 }), []);
  }
  assertEquals(
    (await frames(store, "ann")).map(({ text }) => text),
    ["1"],
  );
});

test("a send brings what the receiver's inbox misses of the conversation, first and in order", async () => {
  await using folder = await temporaryFolder();
  await useStore(folder.path, async (store) => {
    await createUsers(store, ["ann", "bob"]);
    await sendTexts(
      store,
      Array.from({ length: 150 }, (_, index) => `${index + 1}`),
    );
  });
  edit(
    folder.path,
    "DELETE FROM inboxes WHERE (place >> 32) = 2 AND (place & 0xffffffff) > 20; UPDATE marks SET seq = 20 WHERE user = 2",
  );
  await useStore(folder.path, async (store) => {
    await sendNew(store, { text: "151" });
    assertEquals(
      (await frames(store, "bob")).map(({ inbox, text }) => `${inbox} ${text}`),
      Array.from({ length: 151 }, (_, index) => `${index + 1} ${index + 1}`),
    );
    assertEquals((await frames(store, "ann")).length, 151);
  });
});

test("a send puts one gap entry where the log no longer holds what an inbox misses", async () => {
  await using folder = await temporaryFolder();
  const limits = { logEntries: 3 };
  await useStore(
    folder.path,
    async (store) => {
      await createUsers(store, ["ann", "bob"]);
      await sendTexts(store, ["1", "2", "3", "4", "5"]);
    },
    limits,
  );
  edit(folder.path, "DELETE FROM inboxes WHERE (place >> 32) = 2; DELETE FROM marks WHERE user = 2");
  await useStore(
    folder.path,
    async (store) => {
      await sendNew(store, { text: "6" });
      const found = await frames(store, "bob");
      assertEquals(shape(found), [
        ["gap", 1, 3],
        ["message", 2, 4],
        ["message", 3, 5],
        ["message", 4, 6],
      ]);
      assertEquals([found[0]?.conversation, found[0]?.missing], ["ann:bob", 3]);
    },
    limits,
  );
});

test("a mark beyond the log begins a new epoch, and the message arrives", async () => {
  await using folder = await temporaryFolder();
  const before = await useStore(folder.path, async (store) => {
    await createUsers(store, ["ann", "bob"]);
    await sendTexts(store, ["1"]);
    return await store.inboxState("bob");
  });
  edit(folder.path, "UPDATE marks SET seq = 9 WHERE user = 2");
  await useStore(folder.path, async (store) => {
    await sendNew(store, { text: "2" });
    await sendNew(store, { text: "3" });
    const after = await store.inboxState("bob");
    assertNotEquals(after.epoch, before.epoch);
    assertEquals((await store.openDevice("bob", "phone", NOW)).epoch, after.epoch);
    assertEquals(
      (await frames(store, "bob")).map(({ text }) => text),
      ["1", "2", "3"],
    );
  });
});
