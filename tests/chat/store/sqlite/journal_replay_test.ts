import { DatabaseSync } from "node:sqlite";
import { assertEquals } from "@std/assert";
import { ManualClock } from "../../../../src/async/mod.ts";
import { sqliteStore, type WriteOp, type WriterOptions } from "../../../../src/chat/store/mod.ts";
import { seeded } from "../../../balancer/policy/seeded.ts";
import { test } from "../../../testing.ts";
import { createUsers, openQuietWriter, temporaryFolder } from "../open_stores.ts";
import {
  EVERYTHING,
  frameOf,
  frames,
  makeGroup,
  NOW,
  outgoing,
  sendMany,
  sendNew,
  textsOf,
} from "../store_steps.ts";
import { seenBy, snapshot } from "./crash.ts";
import { useStore } from "./use_store.ts";

const USERS = ["ann", "bob", "carl", "dan"];
/** So small that everything is trimmed all the time. */
const TIGHT = [
  { inboxBytes: 30_000, inboxEntries: 300, dedupeIds: 300 },
  { inboxBytes: 60_000, inboxEntries: 5000, dedupeIds: 10 },
  { inboxBytes: 200_000, inboxEntries: 700, dedupeIds: 40 },
].map((limits) => ({ ...limits, logEntries: 50, dedupeMs: 5000, logMs: 8000 }));

/** What a write of {@linkcode someOp} is about. */
interface Circumstances {
  readonly at: number;
  /** Where the user acknowledges. */
  readonly place: { readonly epoch: string; readonly inbox: number };
  readonly isLong: boolean;
}

/** Any write of messages. @param below Draws a number below another one. */
function someOp(
  below: (count: number) => number,
  from: string,
  { at, place, isLong }: Circumstances,
): WriteOp {
  const to = below(2) === 0 ? "#g" : (USERS[below(USERS.length)] ?? "ann");
  const device = below(2) === 0 ? "phone" : "pc";
  const seq = below(2000);
  const text = "x".repeat(below(20) + (isLong ? 900 : 0));
  switch (below(20)) {
    case 0:
      return { type: "read", user: from, conversation: "#g", seq };
    case 1:
      return { type: "ack", user: from, device, ...place, delivered: [{ conversation: "#g", seq }] };
    case 2:
      // Often a repeat, and often another text under an id that was used.
      return { type: "send", message: outgoing({ from, to, at, id: `r${below(20)}`, text: `${below(2)}` }) };
    case 3:
      // One that cannot be done takes back what its neighbors did, and they do it again.
      return { type: "send", message: outgoing({ from, to, at: below(10) === 0 ? 1.5 : at }) };
    default:
      return { type: "send", message: outgoing({ from, to, at, device, text }) };
  }
}

for (const [seed, limits] of TIGHT.entries()) {
  test(`whatever is written in whatever batches, a crash after it changes nothing that anybody sees (seed ${seed})`, async () => {
    await using folder = await temporaryFolder();
    const clock = new ManualClock(NOW);
    const random = seeded(seed);
    const below = (count: number): number => Math.floor(random() * count);
    const tops = new Map<string, number>();
    const options: Partial<WriterOptions> = {
      clock,
      limits,
      onError: () => undefined,
      hint: (user, line) => tops.set(user, frameOf(line).inbox),
    };
    const open = async () => {
      const writer = await openQuietWriter(folder.path, options);
      return { writer, store: await sqliteStore({ dir: folder.path, writer }) };
    };
    let { writer, store } = await open();
    await createUsers(store, USERS);
    await makeGroup(store, "#g", USERS);
    const epochs = new Map<string, string>();
    for (const user of USERS) epochs.set(user, (await store.openDevice(user, "phone", NOW)).epoch);
    await store.openDevice("bob", "pc", NOW);
    const some = (isLong: boolean): WriteOp => {
      const from = USERS[below(USERS.length)] ?? "ann";
      const place = { epoch: epochs.get(from) ?? "", inbox: Math.max(0, (tops.get(from) ?? 0) - below(120)) };
      return someOp(below, from, { at: clock.wallNow(), place, isLong });
    };
    for (let round = 0; round < 200; round++) {
      const isLong = below(3) === 0;
      await writer.write(Array.from({ length: 1 + below(30) }, () => some(isLong)));
      if (below(15) === 0) clock.advance(below(4) === 0 ? 10_000 : 1000);
      if (below(40) === 0) {
        await writer.close();
        ({ writer, store } = await open());
      }
      if (below(10) > 0) continue;
      await using crashed = await snapshot(folder, "crashed");
      const found = await useStore(crashed.path, (after) => seenBy(after, USERS), limits);
      assertEquals(found, await seenBy(store, USERS), `round ${round}`);
    }
    await writer.close();
  });
}

for (const [name, bad] of Object.entries({
  "after a crash": undefined,
  "after a batch that failed": { at: 1.5 },
})) {
  test(`what was dropped because it was acknowledged is dropped again, and nothing else is, ${name}`, async () => {
    const limits = { inboxBytes: 100_000 };
    await using folder = await temporaryFolder();
    await useStore(
      folder.path,
      async (store) => {
        await createUsers(store, USERS);
        await store.openDevice("bob", "phone", NOW);
        await sendMany(store, 255);
        await sendMany(store, 125, { text: "L".repeat(900) });
      },
      limits,
    );
    await using writer = await openQuietWriter(folder.path, { limits, onError: () => undefined });
    await using store = await sqliteStore({ dir: folder.path, writer });
    await store.ack("bob", "phone", (await store.inboxState("bob")).epoch, 380, []);
    await sendMany(store, 140);
    if (bad) await writer.write([{ type: "send", message: outgoing(bad) }]);
    await using crashed = await snapshot(folder, "crashed");
    const read = (of: typeof store) => of.readInbox("bob", 380, EVERYTHING);
    assertEquals((await useStore(crashed.path, read, limits)).length, 140);
    assertEquals((await read(store)).length, 140);
  });
}

test("a start goes on to count what a device has sent: an id that was forgotten stays so, also when the journal is carried out again", async () => {
  const limits = { dedupeIds: 3 };
  await using folder = await temporaryFolder();
  await using writer = await openQuietWriter(folder.path, { limits });
  await using store = await sqliteStore({ dir: folder.path, writer });
  await createUsers(store, USERS);
  const sendAs = (id: string, text: string) => store.send(outgoing({ id, text }));
  await sendAs("x", "first");
  await sendMany(store, 3);
  await writer.flush();
  assertEquals(await sendAs("x", "second"), { outcome: "stored", seq: 5, at: NOW, duplicate: false });
  await using crashed = await snapshot(folder, "crashed");
  const texts = await useStore(crashed.path, async (after) => textsOf(await frames(after, "bob")), limits);
  assertEquals([texts.length, texts.at(-1)], [5, "second"]);
});

test("after a commit that failed and may be on the disk all the same, nothing is answered by the journal alone", async () => {
  await using folder = await temporaryFolder();
  const clock = new ManualClock(NOW);
  const errors: string[] = [];
  await using writer = await openQuietWriter(folder.path, {
    clock,
    onError: ({ message }) => errors.push(message),
  });
  await using store = await sqliteStore({ dir: folder.path, writer });
  await createUsers(store, USERS);
  await sendNew(store, { text: "first" });
  clock.advance(10_000);
  // The next write sweeps first: its commit is on the disk, but a sync after it says that it failed.
  const { exec } = DatabaseSync.prototype;
  DatabaseSync.prototype.exec = function (sql: string) {
    exec.call(this, sql);
    if (sql !== "COMMIT") return;
    DatabaseSync.prototype.exec = exec;
    throw new Error("disk I/O error");
  };
  assertEquals(await sendNew(store, { text: "second" }), 2);
  assertEquals(errors.length, 1);
  assertEquals(await sendNew(store, { text: "third" }), 3);
  await using crashed = await snapshot(folder, "crashed");
  const found = await useStore(crashed.path, (after) => frames(after, "bob"));
  assertEquals(textsOf(found), ["first", "second", "third"]);
});
