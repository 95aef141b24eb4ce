import { assertEquals } from "@std/assert";
import { MAX_RECEIPT_MEMBERS, type ReadResult, type Unread } from "../../../src/chat/store/mod.ts";
import type { OpenedStore, OpenStore, StorePromise } from "./store_conformance.ts";
import { changeGroup, makeGroup, NOW, sendMany, sendNew } from "./store_steps.ts";

/** Who has got and read what. */
export function testReceipts(promise: StorePromise, open: OpenStore): void {
  testRead(promise, open);
  testDelivered(promise, open);
  testUnread(promise, open);
  testConversations(promise, open);
}

/** Who is told of a read, in the order of names. */
function told(result: ReadResult): readonly string[] | string {
  return result.outcome === "done" ? [...result.told].sort() : result.outcome;
}

/** How far a read has got. */
function reached(result: ReadResult): number | string {
  return result.outcome === "done" ? result.read : result.outcome;
}

/** How far ann and bob have got and read, each as delivered and read. */
async function receipts({ store }: OpenedStore): Promise<unknown> {
  const all = await store.receipts("ann:bob");
  return Object.fromEntries(all.map(({ name, delivered, read }) => [name, [delivered, read]]));
}

async function unread({ store }: OpenedStore, user: string): Promise<readonly (readonly [string, number])[]> {
  const all: readonly Unread[] = await store.unread(user);
  return all.map(({ conversation, count }) => [conversation, count] as const).sort();
}

/** All conversations of a user, by pages of two, each as name, number and what is read. */
async function conversations({ store }: OpenedStore, user: string): Promise<readonly unknown[]> {
  const found: (readonly [string, number, number])[] = [];
  for (let isMore = true; isMore; ) {
    const { entries, more } = await store.conversations(user, found.at(-1)?.[0] ?? "", 2);
    found.push(...entries.map(({ conversation, seq, read }) => [conversation, seq, read] as const));
    isMore = more;
  }
  return found;
}

/** A store with messages of ann to bob that both have in their inboxes. */
async function withMessages(open: OpenStore, count: number): Promise<OpenedStore> {
  const opened = await open(["ann", "bob", "cid"]);
  await sendMany(opened.store, count);
  await Promise.all(["ann", "bob"].map((user) => opened.entries(user, count)));
  return opened;
}

function testRead(promise: StorePromise, open: OpenStore): void {
  promise("notes how far a pair is read, and tells both when it is further than before", async () => {
    await using opened = await withMessages(open, 3);
    const { store } = opened;
    assertEquals(await receipts(opened), { ann: [0, 3], bob: [0, 0] });
    assertEquals(told(await store.markRead("bob", "ann:bob", 2)), ["ann", "bob"]);
    assertEquals(told(await store.markRead("bob", "ann:bob", 2)), [], "as far as before");
    assertEquals(told(await store.markRead("bob", "ann:bob", 1)), [], "less far than before");
    assertEquals(await receipts(opened), { ann: [0, 3], bob: [0, 2] });
  });

  promise("takes what is beyond the newest message for that one", async () => {
    await using opened = await withMessages(open, 3);
    const result = await opened.store.markRead("bob", "ann:bob", 2 ** 40);
    assertEquals([told(result), reached(result)], [["ann", "bob"], 3]);
    assertEquals(await receipts(opened), { ann: [0, 3], bob: [0, 3] });
    assertEquals(told(await opened.store.markRead("bob", "ann:bob", 2 ** 40)), []);
    assertEquals(reached(await opened.store.markRead("bob", "ann:bob", 2)), 3);
  });

  promise("notes nothing of who is not in the conversation, or of one without messages", async () => {
    await using opened = await withMessages(open, 1);
    const { store } = opened;
    assertEquals(told(await store.markRead("cid", "ann:bob", 1)), "not_member");
    assertEquals(told(await store.markRead("cid", "#g", 1)), "unknown_group");
    await makeGroup(store, "#g", ["ann"]);
    assertEquals(told(await store.markRead("cid", "#g", 1)), "not_member");
    assertEquals(told(await store.markRead("ann", "#g", 1)), []);
    await changeGroup(store, "#g", "ann", { action: "delete" });
    for (const user of ["ann", "cid"])
      assertEquals(told(await store.markRead(user, "#g", 1)), "unknown_group");
    assertEquals(told(await store.markRead("ann", "ann:cid", 1)), []);
    assertEquals(await store.receipts("ann:cid"), [
      { name: "ann", delivered: 0, read: 0 },
      { name: "cid", delivered: 0, read: 0 },
    ]);
  });

  promise("tells all members of a small group, and only the reader of a larger one", async () => {
    const users = Array.from({ length: MAX_RECEIPT_MEMBERS + 1 }, (_, index) => `u${index}`);
    await using opened = await open(users);
    const { store } = opened;
    const [owner = "", reader = "", ...others] = users;
    await makeGroup(store, "#g", [owner, reader]);
    const join = (user: string): Promise<unknown> => changeGroup(store, "#g", user, { action: "join" });
    await Promise.all(others.slice(1).map(join));
    await sendMany(store, 2, { from: owner, to: "#g" });
    await opened.entries(reader, 2);
    const all = [owner, reader, ...others.slice(1)].sort();
    assertEquals(told(await store.markRead(reader, "#g", 1)), all);
    await join(others[0] ?? "");
    assertEquals(told(await store.markRead(reader, "#g", 2)), [reader]);
  });
}

function testDelivered(promise: StorePromise, open: OpenStore): void {
  promise("notes with an acknowledgement how far conversations were delivered, and never less", async () => {
    await using opened = await withMessages(open, 4);
    const { store } = opened;
    const { epoch } = await store.openDevice("bob", "phone", NOW);
    await store.openDevice("bob", "laptop", NOW);
    await store.ack("bob", "phone", epoch, 3, [{ conversation: "ann:bob", seq: 3 }]);
    await store.ack("bob", "laptop", epoch, 1, [{ conversation: "ann:bob", seq: 1 }]);
    assertEquals(await receipts(opened), { ann: [0, 4], bob: [3, 0] });
    await store.ack("bob", "phone", epoch, 4, [{ conversation: "ann:bob", seq: 99 }]);
    assertEquals(await receipts(opened), { ann: [0, 4], bob: [4, 0] });
  });

  promise(
    "notes nothing of an acknowledgement that is ignored, or of a conversation one is not in",
    async () => {
      await using opened = await withMessages(open, 2);
      const { store } = opened;
      const { epoch } = await store.openDevice("bob", "phone", NOW);
      await store.openDevice("cid", "phone", NOW);
      const reached = [{ conversation: "ann:bob", seq: 2 }];
      await store.ack("bob", "phone", epoch, 3, reached);
      await store.ack("bob", "phone", "another epoch", 2, reached);
      await sendNew(store, { from: "cid", to: "cid" });
      await opened.entries("cid", 1);
      await store.ack("cid", "phone", (await store.inboxState("cid")).epoch, 1, reached);
      assertEquals(await receipts(opened), { ann: [0, 2], bob: [0, 0] });
    },
  );

  promise("gives the receipts of a pair with oneself once", async () => {
    await using opened = await open(["ann"]);
    await sendMany(opened.store, 2, { to: "ann" });
    await opened.entries("ann", 2);
    assertEquals(await opened.store.receipts("ann:ann"), [{ name: "ann", delivered: 0, read: 2 }]);
  });
}

function testUnread(promise: StorePromise, open: OpenStore): void {
  promise("counts what is unread by conversation, and what one sends as read", async () => {
    await using opened = await withMessages(open, 3);
    const { store } = opened;
    await sendNew(store, { from: "cid", to: "bob" });
    await opened.entries("bob", 4);
    assertEquals(await unread(opened, "bob"), [
      ["ann:bob", 3],
      ["bob:cid", 1],
    ]);
    assertEquals(await unread(opened, "ann"), []);
    await store.markRead("bob", "ann:bob", 2);
    await store.markRead("bob", "bob:cid", 1);
    assertEquals(await unread(opened, "bob"), [["ann:bob", 1]]);
    await sendNew(store, { from: "bob", to: "ann" });
    await opened.entries("ann", 4);
    assertEquals(await unread(opened, "bob"), []);
    assertEquals(await unread(opened, "ann"), [["ann:bob", 1]]);
  });

  promise("counts of a group from where one joined, and nothing once one has left", async () => {
    await using opened = await open(["ann", "bob"]);
    const { store } = opened;
    await makeGroup(store, "#g", ["ann"]);
    await sendMany(store, 2, { to: "#g" });
    await changeGroup(store, "#g", "bob", { action: "join" });
    assertEquals(await unread(opened, "bob"), []);
    await sendMany(store, 3, { to: "#g" });
    await opened.entries("bob", 3);
    assertEquals(await unread(opened, "bob"), [["#g", 3]]);
    await store.markRead("bob", "#g", 3);
    assertEquals(await unread(opened, "bob"), [["#g", 2]]);
    await changeGroup(store, "#g", "bob", { action: "leave" });
    assertEquals(await unread(opened, "bob"), []);
    const { epoch } = await store.openDevice("bob", "phone", NOW);
    await store.ack("bob", "phone", epoch, 3, [{ conversation: "#g", seq: 5 }]);
    assertEquals(await unread(opened, "bob"), [], "an acknowledgement brought it back");
    assertEquals(await unread(opened, "nobody"), []);
  });
}

function testConversations(promise: StorePromise, open: OpenStore): void {
  promise("lists the conversations of a user by pages, also those that are read", async () => {
    await using opened = await withMessages(open, 3);
    const { store } = opened;
    for (const to of ["ann", "bob"]) await sendNew(store, { from: "cid", to });
    await sendNew(store, { from: "bob", to: "bob" });
    await opened.entries("bob", 5);
    await opened.entries("cid", 2);
    await store.markRead("bob", "ann:bob", 2);
    assertEquals(await conversations(opened, "bob"), [
      ["ann:bob", 3, 2],
      ["bob:bob", 1, 1],
      ["bob:cid", 1, 0],
    ]);
    await store.markRead("bob", "ann:bob", 3);
    assertEquals(await store.conversations("bob", "", 1), {
      entries: [{ conversation: "ann:bob", seq: 3, read: 3 }],
      more: true,
    });
    assertEquals(await store.conversations("bob", "bob:bob", 1), {
      entries: [{ conversation: "bob:cid", seq: 1, read: 0 }],
      more: false,
    });
    assertEquals(await conversations(opened, "cid"), [
      ["ann:cid", 1, 1],
      ["bob:cid", 1, 1],
    ]);
    assertEquals(await conversations(opened, "nobody"), []);
  });

  promise("lists groups of which one is a member, and none that one has left or that is gone", async () => {
    await using opened = await open(["ann", "bob", "cid"]);
    const { store } = opened;
    await makeGroup(store, "#g", ["ann"]);
    await makeGroup(store, "#h", ["ann", "bob"]);
    await sendMany(store, 2, { to: "#g" });
    await opened.entries("ann", 2);
    await changeGroup(store, "#g", "ann", { action: "invite", name: "cid" });
    await changeGroup(store, "#g", "bob", { action: "join" });
    const both = [
      ["#g", 2, 2],
      ["#h", 0, 0],
    ];
    for (const name of ["ann", "bob"]) assertEquals(await conversations(opened, name), both);
    assertEquals(await conversations(opened, "cid"), [], "who is invited");
    await sendMany(store, 1, { to: "#g" });
    await Promise.all([opened.entries("ann", 3), opened.entries("bob", 1)]);
    await changeGroup(store, "#g", "bob", { action: "leave" });
    assertEquals(await conversations(opened, "bob"), [["#h", 0, 0]]);
    await changeGroup(store, "#h", "ann", { action: "delete" });
    assertEquals(await conversations(opened, "bob"), []);
    assertEquals(await conversations(opened, "ann"), [["#g", 3, 3]]);
    await changeGroup(store, "#g", "bob", { action: "join" });
    assertEquals(await conversations(opened, "bob"), [["#g", 3, 3]]);
    await changeGroup(store, "#g", "ann", { action: "remove", name: "bob" });
    assertEquals(await conversations(opened, "bob"), []);
  });
}
