import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { assert, assertEquals } from "@std/assert";
import { ManualClock } from "../../../../src/async/mod.ts";
import {
  FAILURE_WINDOW_MS,
  type Store,
  type StoreLimits,
  sqliteStore,
  type Writer,
} from "../../../../src/chat/store/mod.ts";
import { test } from "../../../testing.ts";
import { createUsers, openQuietWriter, temporaryFolder } from "../open_stores.ts";
import {
  frames,
  logPage,
  makeGroup,
  NOW,
  outgoing,
  sendMany,
  sendNew,
  sendTexts,
  textsOf,
} from "../store_steps.ts";

/** A folder with ann and bob, whose writer sweeps at every write after the clock was moved. */
interface Swept extends AsyncDisposable {
  readonly store: Store;
  readonly writer: Writer;
  readonly clock: ManualClock;
  /** Closes everything and counts the rows of a table. */
  rows(table: string): Promise<number>;
}

async function openSwept(limits: StoreLimits = {}): Promise<Swept> {
  await using opening = new AsyncDisposableStack();
  const folder = opening.use(await temporaryFolder());
  const clock = new ManualClock(NOW);
  const writer = opening.use(await openQuietWriter(folder.path, { clock, limits, durable: "memory" }));
  const store = opening.use(await sqliteStore({ dir: folder.path, writer }));
  await createUsers(store, ["ann", "bob"]);
  const opened = opening.move();
  return {
    store,
    writer,
    clock,
    async rows(table) {
      await writer.close();
      const database = new DatabaseSync(join(folder.path, "chat.sqlite"));
      const row = database.prepare(`SELECT count(*) AS count FROM ${table}`).get();
      database.close();
      return Number(row?.count);
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** Moves the clock, and writes something that changes nothing. */
async function sweep({ store, clock }: Swept, ms: number): Promise<void> {
  clock.advance(ms);
  await store.removeToken("nothing");
}

test("a writer drops what is too old from a log and keeps the rest, and the inboxes", async () => {
  await using swept = await openSwept({ logMs: 100_000 });
  const { store } = swept;
  await sendTexts(store, ["1", "2"]);
  await sendNew(store, { text: "3", at: NOW + 50_000 });
  await sweep(swept, 99_999);
  assertEquals((await logPage(store, "ann:bob")).entries.length, 3);
  await sweep(swept, 20_000);
  assertEquals(
    (await logPage(store, "ann:bob")).entries.map(({ text }) => text),
    ["3"],
  );
  assertEquals(textsOf(await frames(store, "bob")), ["1", "2", "3"]);
});

test("where more has expired than one sweep removes, the next one follows within a second", async () => {
  await using swept = await openSwept({ dedupeMs: 1000 });
  const { store } = swept;
  for (let index = 0; index < 600; index++) {
    await store.addToken({ hash: `h${index}`, user: "ann", expiresAt: NOW + 1000 });
    await sendNew(store, { device: `d${index}` });
  }
  await sweep(swept, 20_000);
  for (let seconds = 0; seconds < 3; seconds++) await sweep(swept, 1000);
  assertEquals([await swept.rows("tokens"), await swept.rows("senders")], [0, 0]);
});

test("a log that was emptied goes on counting, also after the folder was opened anew", async () => {
  await using folder = await temporaryFolder();
  const limits = { logMs: 100_000 };
  const clock = new ManualClock(NOW);
  {
    await using writer = await openQuietWriter(folder.path, { clock, limits });
    await using store = await sqliteStore({ dir: folder.path, writer });
    await createUsers(store, ["ann", "bob"]);
    await sendTexts(store, ["1", "2"]);
    clock.advance(200_000);
    await store.removeToken("nothing");
    assertEquals(await logPage(store, "ann:bob"), { entries: [], more: false });
    assertEquals(await sendNew(store, { text: "3", at: NOW + 200_000 }), 3);
    clock.advance(200_000);
    await store.removeToken("nothing");
  }
  await using writer = await openQuietWriter(folder.path, { clock, limits });
  await using store = await sqliteStore({ dir: folder.path, writer });
  assertEquals(await sendNew(store, { text: "4", at: NOW + 400_000 }), 4);
  assertEquals(
    (await frames(store, "bob")).map(({ inbox, seq, type }) => [inbox, seq, type]),
    [1, 2, 3, 4].map((number) => [number, number, "message"]),
  );
});

test("a device that comes back after its sends were forgotten is remembered again, also over a restart", async () => {
  await using folder = await temporaryFolder();
  const clock = new ManualClock(NOW);
  const options = { clock, limits: { dedupeMs: 1000 } };
  const late = NOW + 100_000;
  const message = outgoing({ at: late });
  {
    await using writer = await openQuietWriter(folder.path, options);
    await using store = await sqliteStore({ dir: folder.path, writer });
    await createUsers(store, ["ann", "bob"]);
    await sendNew(store);
    clock.advance(100_000);
    await sendNew(store, { device: "tablet", at: late });
    await store.send(message);
  }
  await using writer = await openQuietWriter(folder.path, options);
  await using store = await sqliteStore({ dir: folder.path, writer });
  assertEquals(await store.send(message), { outcome: "stored", seq: 3, at: late, duplicate: true });
});

test("a writer looks through more logs than one sweep does, a few each time", async () => {
  await using swept = await openSwept({ logMs: 100_000 });
  const { store } = swept;
  const users = Array.from({ length: 100 }, (_, index) => `u${index}`);
  await createUsers(store, users);
  await Promise.all(users.map((to) => sendNew(store, { to })));
  await sweep(swept, 200_000);
  await sweep(swept, 200_000);
  assertEquals(await swept.rows("messages"), 0);
});

test("a member who joined a group whose log was emptied gets what is new, and no gap", async () => {
  await using swept = await openSwept({ logMs: 100_000 });
  const { store } = swept;
  await makeGroup(store, "#g", ["ann"]);
  await sendTexts(store, ["1", "2"], { to: "#g" });
  await sweep(swept, 200_000);
  await store.changeGroup("#g", "bob", { action: "join" });
  await sendNew(store, { to: "#g", text: "3", at: NOW + 200_000 });
  assertEquals(
    (await frames(store, "bob")).map(({ inbox, seq, text }) => [inbox, seq, text]),
    [[1, 3, "3"]],
  );
});

test("a writer forgets failed logins that no longer count", async () => {
  await using swept = await openSwept();
  const { store, clock } = swept;
  for (let count = 0; count < 5; count++) await store.noteLoginTry("ann", "192.0.2.1", NOW);
  await sweep(swept, FAILURE_WINDOW_MS + 1);
  const { before } = await store.noteLoginTry("ann", "192.0.2.1", clock.wallNow());
  assertEquals(before, { name: 0, host: 0 });
  assertEquals(await swept.rows("login_failures"), 1);
});

test("an acknowledgement drops some entries at a time, so that nobody waits for long", async () => {
  await using swept = await openSwept();
  const { store } = swept;
  const { epoch } = await store.openDevice("bob", "phone", NOW);
  await sendMany(store, 3000);
  await store.ack("bob", "phone", epoch, 2999, []);
  const { floor } = await store.inboxState("bob");
  assert(floor > 0 && floor <= 1024, `${floor} were dropped at once`);
  for (let inbox = 3000; inbox <= 3002; inbox++) {
    await sendNew(store);
    await store.ack("bob", "phone", epoch, inbox, []);
  }
  const after = await store.inboxState("bob");
  assert(after.floor > 2700 && after.floor < 3002, `the floor is ${after.floor}`);
});

test("a writer sums up only the entries that it still keeps", async () => {
  await using swept = await openSwept({ inboxEntries: 600 });
  await sendMany(swept.store, 3000);
  const sums = await swept.rows("inbox_bytes");
  assert(sums > 0 && sums <= 2 * 4, `${sums} sums for two inboxes of 600 entries`);
});

test("acknowledgements that come together drop some entries at a time, and what is left with the next writes", async () => {
  await using swept = await openSwept();
  const { store } = swept;
  const names = ["cat", "dan", "eve", "fay"];
  await createUsers(store, names);
  const devices = await Promise.all(names.map((name) => store.openDevice(name, "phone", NOW)));
  for (const to of names) await sendMany(store, 700, { to });
  await Promise.all(
    devices.map(({ epoch }, index) => store.ack(names[index] ?? "", "phone", epoch, 700, [])),
  );
  const dropped = async (): Promise<number[]> =>
    await Promise.all(names.map(async (name) => (await store.inboxState(name)).floor));
  const sum = (await dropped()).reduce((all, floor) => all + floor, 0);
  assert(sum > 0 && sum <= 1024, `${sum} were dropped at once`);
  for (let write = 0; write < 3; write++) await store.removeToken("nothing");
  // Less than 256 entries wait for more.
  for (const floor of await dropped()) assert(floor > 700 - 256 && floor < 700, `the floor is ${floor}`);
});
