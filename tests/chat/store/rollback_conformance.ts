import { assertEquals, assertNotEquals } from "@std/assert";
import type { InboxFinding, InboxPlace } from "../../../src/chat/store/mod.ts";
import type { RollableStore, StorePromise } from "./store_conformance.ts";
import { logPage, NOW, sendNew, sendTexts, textsOf } from "./store_steps.ts";

/** What is found out when a store's data went back to what they were. */
export function testRollback(
  promise: StorePromise,
  open: (users: readonly string[]) => Promise<RollableStore>,
): void {
  promise("finds a rollback by a place beyond the newest entry, and goes on without a hole", async () => {
    await using opened = await open(["ann", "bob"]);
    await sendTexts(opened.store, ["1", "2"]);
    await opened.entries("bob", 2);
    await opened.keep();
    await sendTexts(opened.store, ["3", "4"]);
    await opened.entries("bob", 4);
    const place = await placeOf(opened);
    await opened.rollBack();
    const [finding] = await opened.store.inboxStates([place]);
    assertEquals([finding?.isRolledBack, finding?.top], [true, 2]);
    assertNotEquals(finding?.epoch, place.epoch);
    assertEquals((await opened.store.openDevice("bob", "phone", NOW)).epoch, finding?.epoch);
    assertEquals(await sendNew(opened.store, { text: "5" }), 3);
    assertEquals(textsOf(await opened.frames("bob", 3)), ["1", "2", "5"]);
  });

  promise("finds a rollback by another stamp when new messages have taken the old ones' places", async () => {
    await using opened = await open(["ann", "bob"]);
    await sendTexts(opened.store, ["1"]);
    await opened.entries("bob", 1);
    await opened.keep();
    await sendTexts(opened.store, ["2", "3"]);
    await opened.entries("bob", 3);
    const place = await placeOf(opened);
    await opened.rollBack();
    await sendTexts(opened.store, ["4", "5", "6"]);
    await opened.entries("bob", 4);
    const findings = await Promise.all([1, 2].map(() => opened.store.inboxStates([place])));
    const [first, second] = findings.flat();
    assertEquals([first?.isRolledBack, second?.isRolledBack], [true, true]);
    assertEquals(first?.epoch, second?.epoch);
    assertNotEquals(first?.epoch, place.epoch);
    const log = await logPage(opened.store, "ann:bob");
    assertEquals(
      log.entries.map(({ seq, text }) => [seq, text]),
      [
        [1, "1"],
        [2, "4"],
        [3, "5"],
        [4, "6"],
      ],
    );
  });

  promise("finds no rollback where the session stands below what was kept, or nothing was lost", async () => {
    await using opened = await open(["ann", "bob"]);
    await sendTexts(opened.store, ["1", "2"]);
    await opened.entries("bob", 2);
    const place = await placeOf(opened);
    await opened.keep();
    assertEquals(isRolledBack(await opened.store.inboxStates([place])), [false]);
    await sendTexts(opened.store, ["3"]);
    await opened.rollBack();
    assertEquals(isRolledBack(await opened.store.inboxStates([place])), [false]);
    assertEquals((await opened.store.inboxState("bob")).epoch, place.epoch);
  });

  promise("stores a message again whose send was rolled back", async () => {
    await using opened = await open(["ann", "bob"]);
    await opened.keep();
    const message = { id: "x", text: "again" };
    assertEquals(await sendNew(opened.store, message), 1);
    await opened.rollBack();
    assertEquals(await sendNew(opened.store, message), 1);
    assertEquals(textsOf(await opened.frames("bob", 1)), ["again"]);
  });
}

/** The place of a session of bob's that has everything. */
async function placeOf({ store }: RollableStore): Promise<InboxPlace> {
  const { epoch, top, stamp } = await store.inboxState("bob");
  return { user: "bob", device: "phone", epoch, inbox: top, stamp };
}

function isRolledBack(findings: readonly (InboxFinding | undefined)[]): readonly unknown[] {
  return findings.map((finding) => finding?.isRolledBack);
}
