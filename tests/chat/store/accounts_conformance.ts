import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { MAX_DEVICES } from "../../../src/chat/store/mod.ts";
import type { OpenStore, StorePromise } from "./store_conformance.ts";
import { NOW, sendNew } from "./store_steps.ts";

/** Users, tokens, devices and what they have acknowledged. */
export function testAccounts(promise: StorePromise, open: OpenStore): void {
  testUsersAndTokens(promise, open);
  testDevices(promise, open);
  testAcks(promise, open);
}

function testUsersAndTokens(promise: StorePromise, open: OpenStore): void {
  promise("gives a name to the first who asks and refuses it to the second", async () => {
    await using opened = await open([]);
    const { store } = opened;
    const first = store.createUser({ name: "ann", password: "first" });
    const second = store.createUser({ name: "ann", password: "second" });
    assertEquals(await Promise.all([first, second]), [true, false]);
    assertEquals(await store.createUser({ name: "ann", password: "third" }), false);
    assertEquals(await store.findUser("ann"), { name: "ann", password: "first" });
    assertEquals(await store.findUser("bob"), undefined);
  });

  promise("knows a token until it expires", async () => {
    await using opened = await open(["ann"]);
    const { store } = opened;
    const expiresAt = Date.now() + 60_000;
    await store.addToken({ hash: "h1", user: "ann", expiresAt });
    assertEquals(await store.findToken("h1", expiresAt - 1), "ann");
    assertEquals(await store.findToken("h1", expiresAt), undefined);
    assertEquals(await store.findToken("h2", expiresAt - 1), undefined);
  });

  promise("forgets one token, or all of one user, and takes new ones after that", async () => {
    await using opened = await open(["ann", "bob"]);
    const { store } = opened;
    const expiresAt = Date.now() + 60_000;
    for (const [hash, user] of [
      ["a1", "ann"],
      ["a2", "ann"],
      ["a3", "ann"],
      ["b1", "bob"],
    ] as const)
      await store.addToken({ hash, user, expiresAt });
    const find = (): Promise<unknown[]> =>
      Promise.all(["a1", "a2", "a3", "a4", "b1"].map((hash) => store.findToken(hash, expiresAt - 1)));
    await store.removeToken("a1");
    assertEquals(await find(), [undefined, "ann", "ann", undefined, "bob"]);
    await store.removeTokens("ann");
    await store.addToken({ hash: "a4", user: "ann", expiresAt });
    assertEquals(await find(), [undefined, undefined, undefined, "ann", "bob"]);
  });

  promise("takes the removal of what is not there for done", async () => {
    await using opened = await open([]);
    await opened.store.removeToken("nothing");
    await opened.store.removeTokens("nobody");
    assertEquals(await opened.store.createUser({ name: "nobody", password: "p" }), true);
  });
}

function testDevices(promise: StorePromise, open: OpenStore): void {
  promise("gives each inbox an epoch of its own that stays", async () => {
    await using opened = await open(["ann", "bob"]);
    const { store } = opened;
    const { epoch } = await store.inboxState("ann");
    assert(epoch.length >= 8, `an epoch of ${epoch.length} characters`);
    assertNotEquals((await store.inboxState("bob")).epoch, epoch);
    await sendNew(store);
    assertEquals(await store.inboxState("ann"), { epoch, top: 1, floor: 0 });
    assertEquals((await store.openDevice("ann", "phone", NOW)).epoch, epoch);
  });

  promise("says that there is no inbox without an account", async () => {
    await using opened = await open([]);
    const { store } = opened;
    assertEquals(await store.inboxState("nobody"), { epoch: "", top: 0, floor: 0 });
    const device = await store.openDevice("nobody", "phone", NOW);
    assertEquals(device, { epoch: "", top: 0, floor: 0, generation: 0, acked: 0 });
    assertEquals(await store.readInbox("nobody", 0, { count: 10, bytes: 1000 }), []);
    await store.ack("nobody", "phone", "", 0);
    assertEquals(await store.createUser({ name: "nobody", password: "p" }), true);
  });

  promise("numbers the logins of a device upwards, whatever other devices do", async () => {
    await using opened = await open(["ann"]);
    const { store } = opened;
    const first = await store.openDevice("ann", "phone", NOW);
    await store.openDevice("ann", "laptop", NOW + 1);
    const second = await store.openDevice("ann", "phone", NOW + 2);
    assert(first.generation > 0);
    assert(second.generation > first.generation, `${second.generation} after ${first.generation}`);
  });

  promise("starts a device not seen before after the last entry that any device acknowledged", async () => {
    await using opened = await open(["ann", "bob"]);
    const { store } = opened;
    for (let count = 0; count < 5; count++) await sendNew(store);
    const { epoch } = await store.openDevice("bob", "phone", NOW);
    await store.openDevice("bob", "laptop", NOW);
    await store.ack("bob", "phone", epoch, 3);
    await store.ack("bob", "laptop", epoch, 2);
    assertEquals((await store.openDevice("bob", "tablet", NOW)).acked, 3);
    assertEquals((await store.openDevice("bob", "laptop", NOW)).acked, 2);
    assertEquals((await store.openDevice("bob", "phone", NOW)).acked, 3);
  });

  promise("remembers 16 devices and forgets the one that was unused the longest", async () => {
    await using opened = await open(["ann", "bob"]);
    const { store } = opened;
    await sendNew(store);
    await sendNew(store);
    const { epoch } = await store.inboxState("bob");
    for (let device = 0; device < MAX_DEVICES; device++)
      await store.openDevice("bob", `d${device}`, NOW + device);
    await store.openDevice("bob", "d0", NOW + 50);
    await store.ack("bob", "d2", epoch, 1);
    await store.ack("bob", "d15", epoch, 2);
    await store.openDevice("bob", "one more", NOW + 100);
    assertEquals((await store.openDevice("bob", "d0", NOW + 101)).acked, 0, "d0 was used lately");
    assertEquals((await store.openDevice("bob", "d2", NOW + 102)).acked, 1, "d2 was not the longest unused");
    assertEquals((await store.openDevice("bob", "d1", NOW + 103)).acked, 2, "d1 was forgotten");
  });

  promise("tells devices apart by every character of their names", async () => {
    await using opened = await open(["ann", "bob"]);
    const { store } = opened;
    await sendNew(store);
    const { epoch } = await store.inboxState("bob");
    const names = ["a", "a\0b", "a\0c", "a:b", "ä", "A", "👍", '"', " a"];
    for (const name of names) await store.openDevice("bob", name, NOW);
    await store.ack("bob", "a\0b", epoch, 1);
    const acked = await Promise.all(
      names.map(async (name) => (await store.openDevice("bob", name, NOW)).acked),
    );
    assertEquals(
      acked,
      names.map((name) => (name === "a\0b" ? 1 : 0)),
    );
  });
}

function testAcks(promise: StorePromise, open: OpenStore): void {
  promise(
    "ignores an ack below an earlier one, beyond the top, in another epoch or from an unknown device",
    async () => {
      await using opened = await open(["ann", "bob"]);
      const { store } = opened;
      for (let count = 0; count < 3; count++) await sendNew(store);
      const { epoch } = await store.openDevice("bob", "phone", NOW);
      const acked = async (): Promise<number> => (await store.openDevice("bob", "phone", NOW)).acked;
      await store.ack("bob", "phone", epoch, 2);
      assertEquals(await acked(), 2);
      await store.ack("bob", "phone", epoch, 1);
      assertEquals(await acked(), 2, "a lower one counted");
      await store.ack("bob", "phone", epoch, 4);
      assertEquals(await acked(), 2, "one beyond the top counted");
      await store.ack("bob", "phone", "another epoch", 3);
      assertEquals(await acked(), 2, "one of another epoch counted");
      await store.ack("bob", "laptop", epoch, 3);
      assertEquals(
        (await store.openDevice("bob", "laptop", NOW)).acked,
        2,
        "one of an unknown device counted",
      );
      await store.ack("bob", "phone", epoch, 3);
      assertEquals(await acked(), 3);
    },
  );
}
