import { assert, assertEquals } from "@std/assert";
import type { OpenStore, StorePromise } from "./store_conformance.ts";
import { frameOf, linesOf, logPage, NOW, outgoing, readAll, sendNew, seqOf, textsOf } from "./store_steps.ts";

/** What a send does: places, copies, repeats and hints. */
export function testSends(promise: StorePromise, open: OpenStore): void {
  testPlaces(promise, open);
  testRepeats(promise, open);
  testBounds(promise, open);
  testHints(promise, open);
}

function testPlaces(promise: StorePromise, open: OpenStore): void {
  promise("numbers the messages of a conversation from 1 without holes, whoever sends", async () => {
    await using opened = await open(["ann", "bob", "cid"]);
    const { store } = opened;
    assertEquals(await sendNew(store, { from: "ann", to: "bob" }), 1);
    assertEquals(await sendNew(store, { from: "bob", to: "ann" }), 2);
    assertEquals(await sendNew(store, { from: "ann", to: "cid" }), 1);
    assertEquals(await sendNew(store, { from: "ann", to: "bob" }), 3);
  });

  promise("puts a message into the receiver's inbox and into the sender's", async () => {
    await using opened = await open(["ann", "bob"]);
    await sendNew(opened.store, { text: "hello", id: "x1" });
    for (const user of ["ann", "bob"]) {
      const [entry, ...more] = await opened.entries(user, 1);
      assert(entry && more.length === 0, `${user} has ${more.length} entries too many`);
      const { inbox, stamp, ...frame } = JSON.parse(linesOf([entry])[0] ?? "");
      assertEquals([inbox, stamp], [entry.inbox, entry.stamp]);
      assert(Number.isSafeInteger(stamp) && stamp >= 0 && stamp < 2 ** 48, `stamp ${stamp}`);
      const message = {
        conversation: "ann:bob",
        seq: 1,
        id: "x1",
        from: "ann",
        to: "bob",
        text: "hello",
        at: NOW,
      };
      assertEquals(frame, { type: "message", ...message });
    }
  });

  promise("makes one entry of a message to oneself", async () => {
    await using opened = await open(["ann"]);
    assertEquals(await sendNew(opened.store, { to: "ann" }), 1);
    assertEquals(await sendNew(opened.store, { to: "ann" }), 2);
    assertEquals(
      (await opened.frames("ann", 2)).map(({ inbox, seq }) => [inbox, seq]),
      [
        [1, 1],
        [2, 2],
      ],
    );
  });

  promise("stores nothing for a receiver or a sender who does not exist", async () => {
    await using opened = await open(["ann"]);
    const { store } = opened;
    assertEquals(await store.send(outgoing({ to: "nobody" })), { outcome: "unknown_user" });
    assertEquals(await store.send(outgoing({ from: "nobody", to: "ann" })), { outcome: "unknown_user" });
    assertEquals(await readAll(store, "ann"), []);
    assertEquals((await logPage(store, "ann:nobody")).entries, []);
  });

  promise("keeps the order of a conversation and leaves no hole when 1,000 sends come at once", async () => {
    const users = Array.from({ length: 21 }, (_, index) => `u${index}`);
    await using opened = await open(users);
    const { store } = opened;
    const results = await Promise.all(
      Array.from({ length: 1000 }, (_, index) =>
        store.send(outgoing({ from: "u0", to: `u${1 + (index % 20)}`, text: `${Math.floor(index / 20)}` })),
      ),
    );
    assertEquals(
      results.map(seqOf),
      results.map((_, index) => Math.floor(index / 20) + 1),
    );
    for (const user of users.slice(1)) {
      const expected = Array.from({ length: 50 }, (_, index) => [index + 1, index + 1, `${index}`]);
      assertEquals(
        (await opened.frames(user, 50)).map(({ inbox, seq, text }) => [inbox, seq, text]),
        expected,
      );
    }
    const numbers = (await opened.frames("u0", 1000)).map(({ inbox }) => inbox);
    assertEquals(
      numbers,
      Array.from({ length: 1000 }, (_, index) => index + 1),
    );
  });
}

function testRepeats(promise: StorePromise, open: OpenStore): void {
  promise("answers a repeated send like the first one and stores nothing", async () => {
    await using opened = await open(["ann", "bob"]);
    const { store } = opened;
    const message = outgoing();
    await store.send(message);
    await sendNew(store);
    const repeated = await store.send({ ...message, at: NOW + 5000 });
    assertEquals(repeated, { outcome: "stored", seq: 1, at: NOW, duplicate: true });
    assertEquals((await opened.entries("bob", 2)).length, 2);
  });

  promise("stores one of several equal sends that come at once", async () => {
    await using opened = await open(["ann", "bob"]);
    const message = outgoing();
    const results = await Promise.all([1, 2, 3].map(() => opened.store.send(message)));
    assertEquals(results.map(seqOf), [1, 1, 1]);
    assertEquals(results.filter((result) => result.outcome === "stored" && !result.duplicate).length, 1);
    assertEquals((await opened.entries("bob", 1)).length, 1);
  });

  promise("refuses the same id with another text in one conversation", async () => {
    await using opened = await open(["ann", "bob"]);
    const message = outgoing({ text: "one" });
    await opened.store.send(message);
    assertEquals(await opened.store.send({ ...message, text: "two" }), { outcome: "id_reused" });
    assertEquals(textsOf(await opened.frames("bob", 1)), ["one"]);
  });

  promise(
    "takes the same id in another conversation, from another user or device, for another message",
    async () => {
      await using opened = await open(["ann", "bob", "cid"]);
      const { store } = opened;
      const id = "same";
      assertEquals(await sendNew(store, { id, text: "1" }), 1);
      assertEquals(await sendNew(store, { id, text: "2", to: "cid" }), 1);
      assertEquals(await sendNew(store, { id, text: "3", from: "bob", to: "ann" }), 2);
      assertEquals(await sendNew(store, { id, text: "4", device: "laptop" }), 3);
      assertEquals(await sendNew(store, { id: "same ", text: "5" }), 4);
    },
  );
}

function testBounds(promise: StorePromise, open: OpenStore): void {
  promise("remembers a send for dedupeMs, and for 10 minutes more at most", async () => {
    await using opened = await open(["ann", "bob"], { dedupeMs: 1000 });
    const { store } = opened;
    const message = outgoing();
    await store.send(message);
    const repeated = await store.send({ ...message, at: NOW + 999 });
    assertEquals(repeated, { outcome: "stored", seq: 1, at: NOW, duplicate: true });
    const at = NOW + 1000 + 600_000;
    const late = await store.send({ ...message, at });
    assert(late.outcome === "stored");
    assertEquals([late.seq, late.at, late.duplicate], [2, at, false]);
    assertEquals(seqOf(await store.send({ ...message, at: at + 1 })), 2);
  });

  promise(
    "remembers the last dedupeIds sends of a device and no more, and of each device by itself",
    async () => {
      await using opened = await open(["ann", "bob"], { dedupeIds: 3 });
      const { store } = opened;
      const messages = Array.from({ length: 4 }, () => outgoing());
      const elsewhere = outgoing({ device: "laptop" });
      await store.send(elsewhere);
      for (const message of messages) await store.send(message);
      for (const message of messages.slice(1)) assertEquals((await store.send(message)).outcome, "stored");
      assertEquals((await opened.entries("bob", 5)).length, 5, "a remembered one was stored again");
      assertEquals(seqOf(await store.send(elsewhere)), 1, "another device pushed it out");
      assertEquals(seqOf(await store.send(messages[0] ?? elsewhere)), 6, "the oldest was remembered");
    },
  );

  promise("forgets the right sends over many rounds", async () => {
    await using opened = await open(["ann", "bob"], { dedupeIds: 100 });
    const { store } = opened;
    const messages = Array.from({ length: 1200 }, () => outgoing());
    await Promise.all(messages.map((message) => store.send(message)));
    const again = await Promise.all(messages.slice(1100).map((message) => store.send(message)));
    assertEquals(
      again.map(seqOf),
      again.map((_, index) => 1101 + index),
    );
    const [oldest = outgoing()] = messages;
    assertEquals(seqOf(await store.send(oldest)), 1201);
  });
}

function testHints(promise: StorePromise, open: OpenStore): void {
  promise("hints every new entry once, in order, with the line that is read back", async () => {
    await using opened = await open(["ann", "bob"]);
    const { store } = opened;
    const message = outgoing({ text: '\0 "quotes" 👍' });
    await Promise.all([
      store.send(message),
      store.send(message),
      store.send(outgoing()),
      store.send(outgoing()),
    ]);
    for (const user of ["ann", "bob"]) {
      const hints = await opened.hints(user, 3);
      assertEquals(hints, linesOf(await readAll(store, user)));
      assertEquals(
        hints.map((line) => frameOf(line).inbox),
        [1, 2, 3],
      );
    }
  });

  promise("hints an entry only when it can be read", async () => {
    await using opened = await open(["ann", "bob"]);
    void opened.store.send(outgoing());
    const hints = await opened.hints("bob", 1);
    assertEquals(hints, linesOf(await readAll(opened.store, "bob")));
  });
}
