import { assert, assertEquals } from "@std/assert";
import { type GroupChange, MAX_GROUPS } from "../../../src/chat/store/mod.ts";
import { act, CLOSED, DELETE, JOIN, LEAVE, memberNames, OPEN } from "./group_steps.ts";
import type { OpenStore, StorePromise } from "./store_conformance.ts";
import { changeGroup, makeGroup, sendNew } from "./store_steps.ts";

/** Groups, their members and who may do what. */
export function testGroups(promise: StorePromise, open: OpenStore): void {
  testMembership(promise, open);
  testOwners(promise, open);
  testGroupLists(promise, open);
  testGroupBounds(promise, open);
}

function testMembership(promise: StorePromise, open: OpenStore): void {
  promise("lets anybody join an open group and leave it, and tells all members", async () => {
    await using opened = await open(["ann", "bob", "cid"]);
    const { store } = opened;
    assertEquals(await act(store, "ann", OPEN), [["ann"], "ann"]);
    assertEquals(await act(store, "bob", JOIN), [["ann", "bob"], "ann"]);
    assertEquals(await act(store, "cid", JOIN), [["ann", "bob", "cid"], "ann"]);
    assertEquals(await memberNames(store, "bob"), ["ann", "bob", "cid"]);
    assertEquals(await act(store, "bob", LEAVE), [["ann", "bob", "cid"], "ann"]);
    assertEquals(await memberNames(store, "ann"), ["ann", "cid"]);
    assertEquals(await memberNames(store, "bob"), "not_member");
  });

  promise("tells nobody when somebody joins who is a member", async () => {
    await using opened = await open(["ann", "bob"]);
    await makeGroup(opened.store, "#g", ["ann", "bob"]);
    assertEquals(await act(opened.store, "bob", JOIN), [[], "ann"]);
    assertEquals(await memberNames(opened.store, "bob"), ["ann", "bob"]);
  });

  promise("gives a group's name to the first who asks and refuses it to the second", async () => {
    await using opened = await open(["ann", "bob"]);
    const { store } = opened;
    const both = await Promise.all([act(store, "ann", OPEN), act(store, "bob", OPEN)]);
    assertEquals(both.filter(([first]) => first === "taken").length, 1);
    assertEquals(both.filter(([first]) => Array.isArray(first)).length, 1);
  });

  promise("knows no group that nobody made", async () => {
    await using opened = await open(["ann", "bob"]);
    const { store } = opened;
    const changes: readonly GroupChange[] = [
      JOIN,
      LEAVE,
      DELETE,
      { action: "invite", name: "bob" },
      { action: "remove", name: "bob" },
    ];
    for (const change of changes) assertEquals(await act(store, "ann", change), ["unknown_group"]);
    assertEquals(await store.memberNames("#g", "ann"), "unknown_group");
    assertEquals(await store.groupMembers("#g", "ann", "", 10), "unknown_group");
    assertEquals(await store.groups("ann", "", 10), { entries: [], more: false });
  });

  promise("refuses everything of a group to who is not a member", async () => {
    await using opened = await open(["ann", "bob", "cid"]);
    const { store } = opened;
    await makeGroup(store, "#g", ["ann", "bob"]);
    const changes: readonly GroupChange[] = [
      LEAVE,
      DELETE,
      { action: "invite", name: "cid" },
      { action: "remove", name: "bob" },
    ];
    for (const change of changes) assertEquals(await act(store, "cid", change), ["not_member"]);
    assertEquals(await store.memberNames("#g", "cid"), "not_member");
    assertEquals(await store.groupMembers("#g", "cid", "", 10), "not_member");
    assertEquals(await memberNames(store, "ann"), ["ann", "bob"]);
  });
}

function testOwners(promise: StorePromise, open: OpenStore): void {
  promise("lets only the owner remove members and delete the group", async () => {
    await using opened = await open(["ann", "bob", "cid"]);
    const { store } = opened;
    await makeGroup(store, "#g", ["ann", "bob", "cid"]);
    assertEquals(await act(store, "bob", { action: "remove", name: "cid" }), ["forbidden"]);
    assertEquals(await act(store, "bob", DELETE), ["forbidden"]);
    assertEquals(await act(store, "ann", { action: "remove", name: "cid" }), [["ann", "bob", "cid"], "ann"]);
    assertEquals(await memberNames(store, "cid"), "not_member");
    assertEquals(await act(store, "ann", { action: "remove", name: "cid" }), ["unknown_user"]);
    assertEquals(await act(store, "ann", DELETE), [["ann", "bob"], undefined]);
  });

  promise("gives a group whose owner leaves to the member who has been there the longest", async () => {
    await using opened = await open(["ann", "bob", "cid", "dan"]);
    const { store } = opened;
    await makeGroup(store, "#g", ["dan", "cid", "ann", "bob"]);
    await changeGroup(store, "#g", "cid", LEAVE);
    await changeGroup(store, "#g", "cid", JOIN);
    assertEquals(await act(store, "dan", LEAVE), [["ann", "bob", "cid", "dan"], "ann"]);
    assertEquals(await act(store, "ann", LEAVE), [["ann", "bob", "cid"], "bob"]);
    const page = await store.groupMembers("#g", "cid", "", 10);
    assertEquals(typeof page !== "string" && page.entries.map(({ name, isOwner }) => [name, isOwner]), [
      ["bob", true],
      ["cid", false],
    ]);
    assertEquals(await act(store, "bob", { action: "remove", name: "cid" }), [["bob", "cid"], "bob"]);
  });

  promise("ends a group that nobody is left in", async () => {
    await using opened = await open(["ann", "bob"]);
    const { store } = opened;
    await makeGroup(store, "#g", ["ann", "bob"]);
    await changeGroup(store, "#g", "ann", LEAVE);
    assertEquals(await act(store, "bob", LEAVE), [["bob"], undefined]);
    assertEquals(await act(store, "bob", JOIN), ["unknown_group"]);
    assertEquals((await store.groups("bob", "", 10)).entries, []);
  });

  promise("takes a deleted group from everybody's list, the invited included", async () => {
    await using opened = await open(["ann", "bob", "cid"]);
    const { store } = opened;
    await changeGroup(store, "#g", "ann", CLOSED);
    for (const name of ["bob", "cid"]) await changeGroup(store, "#g", "ann", { action: "invite", name });
    await changeGroup(store, "#g", "bob", JOIN);
    const result = await store.changeGroup("#g", "ann", DELETE);
    assert(result.outcome === "done", result.outcome);
    assertEquals([[...result.told].sort(), result.uninvited], [["ann", "bob"], ["cid"]]);
    for (const user of ["ann", "bob", "cid"])
      assertEquals(await store.groups(user, "", 10), { entries: [], more: false }, user);
    assertEquals(await act(store, "cid", JOIN), ["unknown_group"]);
    assertEquals(await act(store, "bob", OPEN), [["bob"], "bob"]);
    assertEquals(await memberNames(store, "bob"), ["bob"]);
    await changeGroup(store, "#g", "bob", { action: "invite", name: "cid" });
    const left = await store.changeGroup("#g", "bob", { action: "leave" });
    assertEquals(left, { outcome: "done", told: ["bob"], uninvited: ["cid"] });
  });
}

function testGroupLists(promise: StorePromise, open: OpenStore): void {
  promise("lists a user's groups and invitations page by page, in the order of their names", async () => {
    await using opened = await open(["ann", "bob"]);
    const { store } = opened;
    for (const group of ["#c", "#a-1", "#d", "#b"]) await makeGroup(store, group, ["ann"]);
    await changeGroup(store, "#d", "ann", { action: "invite", name: "bob" });
    await changeGroup(store, "#a-1", "ann", { action: "invite", name: "bob" });
    for (const group of ["#a-1", "#b"]) await changeGroup(store, group, "bob", JOIN);
    assertEquals(await store.groups("bob", "", 2), {
      entries: [
        { group: "#a-1", state: "member", by: "ann" },
        { group: "#b", state: "member", by: "bob" },
      ],
      more: true,
    });
    assertEquals(await store.groups("bob", "#b", 2), {
      entries: [{ group: "#d", state: "invited", by: "ann" }],
      more: false,
    });
  });

  promise("lists the members page by page, with who owns the group and how far each has got", async () => {
    await using opened = await open(["ann", "bob", "cid"]);
    const { store } = opened;
    await makeGroup(store, "#g", ["cid", "ann", "bob"]);
    await sendNew(store, { from: "ann", to: "#g" });
    await sendNew(store, { from: "ann", to: "#g" });
    await Promise.all(["ann", "bob", "cid"].map((user) => opened.entries(user, 2)));
    await store.markRead("bob", "#g", 1);
    const { epoch } = await store.openDevice("cid", "phone", 1);
    await store.ack("cid", "phone", epoch, 2, [{ conversation: "#g", seq: 2 }]);
    assertEquals(await store.groupMembers("#g", "bob", "", 2), {
      entries: [
        { name: "ann", isOwner: false, delivered: 0, read: 2 },
        { name: "bob", isOwner: false, delivered: 0, read: 1 },
      ],
      more: true,
    });
    assertEquals(await store.groupMembers("#g", "bob", "bob", 2), {
      entries: [{ name: "cid", isOwner: true, delivered: 2, read: 0 }],
      more: false,
    });
  });

  promise("says of a member only how far they are with what was sent since they joined", async () => {
    await using opened = await open(["ann", "bob"]);
    const { store } = opened;
    const progressOf = async (name: string): Promise<unknown> => {
      const page = await store.groupMembers("#g", "ann", "", 10);
      const found = typeof page === "string" ? undefined : page.entries.find((entry) => entry.name === name);
      return [found?.delivered, found?.read];
    };
    await makeGroup(store, "#g", ["ann"]);
    await sendNew(store, { from: "ann", to: "#g" });
    await opened.entries("ann", 1);
    await changeGroup(store, "#g", "ann", { action: "invite", name: "bob" });
    await changeGroup(store, "#g", "bob", JOIN);
    assertEquals(
      [await progressOf("ann"), await progressOf("bob")],
      [
        [0, 1],
        [0, 0],
      ],
    );
    await sendNew(store, { from: "ann", to: "#g" });
    const { epoch } = await store.openDevice("bob", "phone", 1);
    await opened.entries("bob", 1);
    assertEquals(await progressOf("bob"), [0, 0]);
    await store.ack("bob", "phone", epoch, 1, [{ conversation: "#g", seq: 2 }]);
    assertEquals(await progressOf("bob"), [2, 0]);
    await store.markRead("bob", "#g", 2);
    assertEquals(await progressOf("bob"), [2, 2]);
    await changeGroup(store, "#g", "bob", LEAVE);
    await changeGroup(store, "#g", "bob", JOIN);
    assertEquals(await progressOf("bob"), [0, 0]);
  });
}

function testGroupBounds(promise: StorePromise, open: OpenStore): void {
  promise("takes as many members as it may have and not one more, however many join at once", async () => {
    const users = Array.from({ length: 8 }, (_, index) => `u${index}`);
    await using opened = await open(users, { members: 4 });
    const { store } = opened;
    const [owner = "", ...others] = users;
    await changeGroup(store, "#g", owner, OPEN);
    const joined = await Promise.all(others.map((user) => store.changeGroup("#g", user, JOIN)));
    const outcomes = joined.map(({ outcome }) => outcome);
    assertEquals(outcomes.filter((outcome) => outcome === "done").length, 3);
    assertEquals(outcomes.filter((outcome) => outcome === "full").length, 4);
    assertEquals((await store.memberNames("#g", owner)).length, 4);
  });

  promise(`lets a user be in ${MAX_GROUPS} groups and not one more`, async () => {
    await using opened = await open(["ann", "bob"]);
    const { store } = opened;
    const groups = Array.from({ length: MAX_GROUPS }, (_, index) => `#g${index}`);
    const made = await Promise.all(groups.map((group) => store.changeGroup(group, "ann", OPEN)));
    assertEquals(new Set(made.map(({ outcome }) => outcome)), new Set(["done"]));
    await changeGroup(store, "#h", "bob", OPEN);
    assertEquals(await store.changeGroup("#i", "ann", OPEN), { outcome: "too_many" });
    assertEquals(await store.changeGroup("#h", "ann", JOIN), { outcome: "too_many" });
    await changeGroup(store, "#h", "bob", { action: "invite", name: "ann" });
    assertEquals(await store.changeGroup("#h", "ann", JOIN), { outcome: "too_many" });
    await changeGroup(store, "#g0", "ann", LEAVE);
    await changeGroup(store, "#h", "ann", JOIN);
  });
}
