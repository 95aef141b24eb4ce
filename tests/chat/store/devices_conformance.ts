import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { type InboxPlace, MAX_DEVICES } from "../../../src/chat/store/mod.ts";
import type { OpenedStore, OpenStore, StorePromise } from "./store_conformance.ts";
import { NOW, sendMany, sendNew } from "./store_steps.ts";

/** Devices, what they have acknowledged, and where inboxes stand. */
export function testDevices(promise: StorePromise, open: OpenStore): void {
  testLogins(promise, open);
  testForgetting(promise, open);
  testAcks(promise, open);
  testStamps(promise, open);
  testStates(promise, open);
}

function testLogins(promise: StorePromise, open: OpenStore): void {
  promise("gives each inbox an epoch of its own that stays", async () => {
    await using opened = await open(["ann", "bob"]);
    const { store } = opened;
    const { epoch } = await store.inboxState("ann");
    assert(epoch.length >= 8, `an epoch of ${epoch.length} characters`);
    assertNotEquals((await store.inboxState("bob")).epoch, epoch);
    await sendNew(store);
    const [entry] = await opened.entries("ann", 1);
    const state = { epoch, top: 1, stamp: entry?.stamp, floor: 0 };
    assertEquals(await store.inboxState("ann"), state);
    assertEquals((await store.openDevice("ann", "phone", NOW)).epoch, epoch);
  });

  promise("says that there is no inbox without an account", async () => {
    await using opened = await open([]);
    const { store } = opened;
    assertEquals(await store.inboxState("nobody"), { epoch: "", top: 0, stamp: 0, floor: 0 });
    const device = await store.openDevice("nobody", "phone", NOW);
    assertEquals(device, { epoch: "", top: 0, stamp: 0, floor: 0, generation: 0, isRaised: true, acked: 0 });
    assertEquals(await store.readInbox("nobody", 0, { count: 10, bytes: 1000 }), []);
    await store.ack("nobody", "phone", "", 0, []);
    assertEquals(await store.createUser({ name: "nobody", password: "p" }), true);
  });

  promise("starts a device not seen before after the last entry that any device acknowledged", async () => {
    await using opened = await open(["ann", "bob"]);
    const { store } = opened;
    await sendMany(store, 5);
    await opened.entries("bob", 5);
    const { epoch } = await store.openDevice("bob", "phone", NOW);
    await store.openDevice("bob", "laptop", NOW);
    await store.ack("bob", "phone", epoch, 3, []);
    await store.ack("bob", "laptop", epoch, 2, []);
    assertEquals((await store.openDevice("bob", "tablet", NOW)).acked, 3);
    assertEquals((await store.openDevice("bob", "laptop", NOW)).acked, 2);
    assertEquals((await store.openDevice("bob", "phone", NOW)).acked, 3);
  });

  promise("tells devices apart by every character of their names", async () => {
    await using opened = await open(["ann", "bob"]);
    const { store } = opened;
    await sendNew(store);
    await opened.entries("bob", 1);
    const { epoch } = await store.inboxState("bob");
    const names = ["a", "a\0b", "a\0c", "a:b", "ä", "A", "👍", '"', " a"];
    for (const name of names) await store.openDevice("bob", name, NOW);
    await store.ack("bob", "a\0b", epoch, 1, []);
    const acked = await Promise.all(
      names.map(async (name) => (await store.openDevice("bob", name, NOW)).acked),
    );
    assertEquals(
      acked,
      names.map((name) => (name === "a\0b" ? 1 : 0)),
    );
  });
}

function testForgetting(promise: StorePromise, open: OpenStore): void {
  promise("remembers 16 devices and forgets the one that was unused the longest", async () => {
    await using opened = await open(["ann", "bob"]);
    const { store } = opened;
    await sendMany(store, 2);
    await opened.entries("bob", 2);
    const { epoch } = await store.inboxState("bob");
    for (let device = 0; device < MAX_DEVICES; device++)
      await store.openDevice("bob", `d${device}`, NOW + device);
    await store.openDevice("bob", "d0", NOW + 50);
    await store.ack("bob", "d2", epoch, 1, []);
    await store.ack("bob", "d15", epoch, 2, []);
    await store.openDevice("bob", "one more", NOW + 100);
    assertEquals((await store.openDevice("bob", "d0", NOW + 101)).acked, 0, "d0 was used lately");
    assertEquals((await store.openDevice("bob", "d2", NOW + 102)).acked, 1, "d2 was not the longest unused");
    assertEquals((await store.openDevice("bob", "d1", NOW + 103)).acked, 2, "d1 was forgotten");
  });

  promise("does not forget the device that logs in, even by a clock that is behind", async () => {
    await using opened = await open(["bob"]);
    const { store } = opened;
    for (let n = 0; n < MAX_DEVICES; n++) await store.openDevice("bob", `d${n}`, NOW + n);
    const { epoch } = await store.openDevice("bob", "one more", NOW - 1000);
    const place = { user: "bob", epoch, inbox: 0, stamp: 0 };
    const states = await store.inboxStates(["one more", "d0", "d1"].map((device) => ({ ...place, device })));
    const isKept = states.map((state) => (state?.generation ?? 0) > 0);
    assertEquals(isKept, [true, false, true], "d0 was unused the longest");
  });

  promise("counts a device that acknowledges as used, whenever it has logged in", async () => {
    await using opened = await open(["ann", "bob"]);
    const { store } = opened;
    await sendMany(store, 2);
    await opened.entries("bob", 2);
    const { epoch } = await store.inboxState("bob");
    for (let device = 0; device < MAX_DEVICES; device++)
      await store.openDevice("bob", `d${device}`, NOW - 100 + device);
    await store.ack("bob", "d15", epoch, 2, []);
    await store.ack("bob", "d0", epoch, 1, []);
    await store.openDevice("bob", "one more", NOW + 1);
    assertEquals((await store.openDevice("bob", "d0", NOW + 2)).acked, 1, "d0 was used after d1");
  });
}

function testAcks(promise: StorePromise, open: OpenStore): void {
  promise(
    "ignores an ack below an earlier one, beyond the top, in another epoch or from an unknown device",
    async () => {
      await using opened = await open(["ann", "bob"]);
      const { store } = opened;
      await sendMany(store, 3);
      await opened.entries("bob", 3);
      const { epoch } = await store.openDevice("bob", "phone", NOW);
      const acked = async (): Promise<number> => (await store.openDevice("bob", "phone", NOW)).acked;
      await store.ack("bob", "phone", epoch, 2, []);
      assertEquals(await acked(), 2);
      await store.ack("bob", "phone", epoch, 1, []);
      assertEquals(await acked(), 2, "a lower one counted");
      await store.ack("bob", "phone", epoch, 4, []);
      assertEquals(await acked(), 2, "one beyond the top counted");
      await store.ack("bob", "phone", "another epoch", 3, []);
      assertEquals(await acked(), 2, "one of another epoch counted");
      await store.ack("bob", "laptop", epoch, 3, []);
      assertEquals(
        (await store.openDevice("bob", "laptop", NOW)).acked,
        2,
        "one of an unknown device counted",
      );
      await store.ack("bob", "phone", epoch, 3, []);
      assertEquals(await acked(), 3);
    },
  );
}

function testStamps(promise: StorePromise, open: OpenStore): void {
  promise("takes an ack only of the entry that has the stamp, where one is given", async () => {
    await using opened = await open(["ann", "bob"]);
    const { store } = opened;
    await sendMany(store, 3);
    const [first, second, third] = await opened.entries("bob", 3);
    const { epoch } = await store.openDevice("bob", "phone", NOW);
    const acked = async () => (await store.openDevice("bob", "phone", NOW)).acked;
    await store.ack("bob", "phone", epoch, 2, [], (second?.stamp ?? 0) + 1);
    await store.ack("bob", "phone", epoch, 3, [], (third?.stamp ?? 0) + 1);
    assertEquals(await acked(), 0, "of other entries");
    await store.ack("bob", "phone", epoch, 1, [], first?.stamp ?? 0);
    assertEquals(await acked(), 1);
    await store.ack("bob", "phone", epoch, 3, [], third?.stamp ?? 0);
    assertEquals(await acked(), 3, "the newest");
  });
}

function testStates(promise: StorePromise, open: OpenStore): void {
  promise("finds where many inboxes stand at once, and which generation each device has", async () => {
    const users = Array.from({ length: 20 }, (_, index) => `u${index}`);
    await using opened = await open(users);
    const { store } = opened;
    await Promise.all(users.slice(1).map((to) => sendNew(store, { from: "u0", to })));
    await Promise.all(users.map((user) => opened.entries(user, 1)));
    const device = await store.openDevice("u3", "phone", NOW);
    const places = await Promise.all(users.map((user) => placeOf(opened, user)));
    const findings = await store.inboxStates(places);
    const states = await Promise.all(users.map((user) => store.inboxState(user)));
    assertEquals(
      findings,
      states.map((state, index) => ({
        ...state,
        generation: index === 3 ? device.generation : 0,
        isRolledBack: false,
      })),
    );
    assertEquals(await store.inboxStates([]), []);
  });

  promise("takes no place for rolled back that its inbox agrees with or no longer keeps", async () => {
    await using opened = await open(["ann", "bob"], { inboxEntries: 3 });
    const { store } = opened;
    await sendMany(store, 3);
    const entries = await opened.entries("bob", 3);
    await sendNew(store);
    await opened.hints("bob", 4);
    const { epoch } = await store.inboxState("bob");
    const stamps = [0, ...entries.map(({ stamp }) => stamp)];
    const places = stamps.map((stamp, inbox) => ({ user: "bob", device: "phone", epoch, inbox, stamp }));
    const findings = await store.inboxStates(places);
    assertEquals(
      findings.map((finding) => finding?.isRolledBack),
      [false, false, false, false],
    );
    assertEquals((await store.inboxState("bob")).epoch, epoch);
  });

  for (const [what, change] of Object.entries({
    "an entry with another stamp": (place: InboxPlace) => ({ ...place, stamp: place.stamp + 1 }),
    "an entry beyond the newest": (place: InboxPlace) => ({ ...place, inbox: place.inbox + 1 }),
  }))
    promise(`begins one new epoch where a session has ${what}, however many ask`, async () => {
      await using opened = await open(["ann", "bob"]);
      const { store } = opened;
      await sendMany(store, 3);
      await opened.entries("bob", 3);
      const place = await placeOf(opened, "bob");
      const lost = change(place);
      const [first, second] = await Promise.all([store.inboxStates([lost]), store.inboxStates([lost, lost])]);
      const third = await store.inboxStates([place]);
      const { epoch } = await store.inboxState("bob");
      assertNotEquals(epoch, place.epoch);
      for (const finding of [...first, ...second, ...third])
        assertEquals([finding?.isRolledBack, finding?.epoch, finding?.top], [true, epoch, 3]);
      const [after] = await store.inboxStates([{ ...place, epoch }]);
      assertEquals([after?.isRolledBack, after?.epoch], [false, epoch]);
    });

  promise("finds nothing for a name without an account but that its session is lost", async () => {
    await using opened = await open([]);
    const place = { user: "nobody", device: "phone", epoch: "some", inbox: 3, stamp: 1 };
    const [finding] = await opened.store.inboxStates([place]);
    const nothing = { epoch: "", top: 0, stamp: 0, floor: 0 };
    assertEquals(finding, { ...nothing, generation: 0, isRolledBack: true });
  });
}

/** The place of a session that has everything. */
async function placeOf({ store }: OpenedStore, user: string): Promise<InboxPlace> {
  const { epoch, top, stamp } = await store.inboxState(user);
  return { user, device: "phone", epoch, inbox: top, stamp };
}
