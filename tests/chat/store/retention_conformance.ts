import { assert, assertEquals } from "@std/assert";
import { DEVICE_MS, type Store } from "../../../src/chat/store/mod.ts";
import type { OpenStore, StorePromise } from "./store_conformance.ts";
import { logPage, readAll, sendMany, sendNew, sendTexts } from "./store_steps.ts";

/** What is kept, and what is not. */
export function testRetention(promise: StorePromise, open: OpenStore): void {
  testCounts(promise, open);
  testAcknowledged(promise, open);
}

function testCounts(promise: StorePromise, open: OpenStore): void {
  promise(
    "keeps the newest entries of an inbox, moves its floor, and keeps the log apart from it",
    async () => {
      await using opened = await open(["ann", "bob"], { inboxEntries: 3, logEntries: 5 });
      const { store } = opened;
      await sendTexts(store, ["1", "2", "3", "4", "5", "6", "7"]);
      await opened.hints("bob", 7);
      const { top, floor } = await store.inboxState("bob");
      assertEquals([top, floor], [7, 4]);
      const kept = await opened.frames("bob", 3);
      assertEquals(
        kept.map(({ inbox, text }) => [inbox, text]),
        [
          [5, "5"],
          [6, "6"],
          [7, "7"],
        ],
      );
      const log = await logPage(store, "ann:bob");
      assertEquals([log.entries.map(({ text }) => text), log.more], [["3", "4", "5", "6", "7"], false]);
      assertEquals((await store.openDevice("bob", "phone", 1)).floor, 4);
    },
  );

  promise("keeps about as many bytes of an inbox as it may, the newest", async () => {
    await using opened = await open(["ann", "bob"], { inboxBytes: 400_000 });
    const { store } = opened;
    await sendMany(store, 1100, { text: "x".repeat(1000) });
    await opened.hints("bob", 1100);
    const { top, floor } = await store.inboxState("bob");
    const kept = await readAll(store, "bob");
    assertEquals([kept.length, kept.at(0)?.inbox, kept.at(-1)?.inbox], [top - floor, floor + 1, 1100]);
    assert(kept.length >= 200 && kept.length <= 700, `${kept.length} entries of 1 kB are kept`);
    assertEquals((await logPage(store, "ann:bob")).entries.length, 1100);
  });
}

function testAcknowledged(promise: StorePromise, open: OpenStore): void {
  promise("drops what all devices have acknowledged, but nothing that one of them still needs", async () => {
    await using opened = await open(["ann", "bob"]);
    const { store } = opened;
    const now = Date.now();
    const { epoch } = await store.openDevice("bob", "phone", now);
    await store.openDevice("bob", "laptop", now);
    await sendMany(store, 700);
    await opened.hints("bob", 700);
    await store.ack("bob", "phone", epoch, 700, []);
    assertEquals((await store.inboxState("bob")).floor, 0, "the laptop has nothing yet");
    await store.ack("bob", "laptop", epoch, 600, []);
    const { floor, top } = await store.inboxState("bob");
    assert(floor > 300 && floor < 600, `the floor is ${floor}`);
    assertEquals((await opened.entries("bob", 1)).at(0)?.inbox, floor + 1);
    await store.ack("bob", "laptop", epoch, 650, []);
    assertEquals((await store.openDevice("bob", "laptop", now)).acked, 650);
    assertEquals(top, 700);
    await assertWholeAfter(opened, 650);
  });

  promise("keeps the newest entry when everything is acknowledged, and goes on counting", async () => {
    await using opened = await open(["ann", "bob"]);
    const { store } = opened;
    const { epoch } = await store.openDevice("bob", "phone", Date.now());
    await sendMany(store, 600);
    await opened.hints("bob", 600);
    await store.ack("bob", "phone", epoch, 600, []);
    const state = await store.inboxState("bob");
    const place = { user: "bob", device: "phone", epoch, inbox: 600, stamp: state.stamp };
    const [finding] = await store.inboxStates([place]);
    assertEquals([finding?.isRolledBack, finding?.top, finding?.stamp === 0], [false, 600, false]);
    await sendNew(store, { text: "next" });
    await opened.hints("bob", 1);
    const newest = (await opened.frames("bob", 1)).at(-1);
    assertEquals([newest?.inbox, newest?.text], [601, "next"]);
    assertEquals((await store.inboxState("bob")).epoch, epoch);
  });

  promise("does not wait for a device that was not used for long", async () => {
    await using opened = await open(["ann", "bob"]);
    const { store } = opened;
    const now = Date.now();
    await store.openDevice("bob", "old", now - DEVICE_MS - 1000);
    await store.openDevice("bob", "spare", now - DEVICE_MS / 2);
    const { epoch } = await store.openDevice("bob", "phone", now);
    await sendMany(store, 600);
    await opened.hints("bob", 600);
    await store.ack("bob", "phone", epoch, 500, []);
    assertEquals((await store.inboxState("bob")).floor, 0, "the spare device has nothing yet");
    await store.ack("bob", "spare", epoch, 600, []);
    await store.ack("bob", "phone", epoch, 600, []);
    assert((await store.inboxState("bob")).floor > 200, "the old device holds it up");
  });
}

/** Fails unless an inbox can be read from a number on without a hole. */
async function assertWholeAfter({ store }: { readonly store: Store }, after: number): Promise<void> {
  const entries = await store.readInbox("bob", after, { count: 1000, bytes: 1e9 });
  assertEquals(
    entries.map(({ inbox }) => inbox),
    Array.from({ length: 700 - after }, (_, index) => after + 1 + index),
  );
}
