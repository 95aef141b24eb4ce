import { assertEquals } from "@std/assert";
import { type GroupChange, MAX_INVITATIONS } from "../../../src/chat/store/mod.ts";
import { act, CLOSED, JOIN, LEAVE, memberNames, OPEN } from "./group_steps.ts";
import type { OpenStore, StorePromise } from "./store_conformance.ts";
import { changeGroup, makeGroup, sendNew } from "./store_steps.ts";

/** Who is invited into groups, by whom, and how often. */
export function testInvitations(promise: StorePromise, open: OpenStore): void {
  promise("lets only the invited join a group by invitation, invited by any member", async () => {
    await using opened = await open(["ann", "bob", "cid"]);
    const { store } = opened;
    await changeGroup(store, "#g", "ann", CLOSED);
    assertEquals(await act(store, "bob", JOIN), ["forbidden"]);
    assertEquals(await act(store, "ann", { action: "invite", name: "bob" }), [["ann", "bob"], "ann"]);
    assertEquals(await store.groups("bob", "", 10), {
      entries: [{ group: "#g", state: "invited", by: "ann" }],
      more: false,
    });
    assertEquals(await store.memberNames("#g", "bob"), "not_member");
    assertEquals(await act(store, "bob", JOIN), [["ann", "bob"], "ann"]);
    assertEquals(await act(store, "bob", { action: "invite", name: "cid" }), [["bob", "cid"], "ann"]);
    await changeGroup(store, "#g", "cid", JOIN);
    assertEquals(await memberNames(store, "cid"), ["ann", "bob", "cid"]);
  });

  promise("uses up an invitation: who has left must be invited again", async () => {
    await using opened = await open(["ann", "bob"]);
    const { store } = opened;
    await changeGroup(store, "#g", "ann", CLOSED);
    await changeGroup(store, "#g", "ann", { action: "invite", name: "bob" });
    await changeGroup(store, "#g", "bob", JOIN);
    await changeGroup(store, "#g", "bob", LEAVE);
    assertEquals(await act(store, "bob", JOIN), ["forbidden"]);
    assertEquals((await store.groups("bob", "", 10)).entries, []);
  });

  promise(
    "changes nothing when the invited or a member is invited, and knows who does not exist",
    async () => {
      await using opened = await open(["ann", "bob"]);
      const { store } = opened;
      await changeGroup(store, "#g", "ann", CLOSED);
      await changeGroup(store, "#g", "ann", { action: "invite", name: "bob" });
      assertEquals(await act(store, "ann", { action: "invite", name: "bob" }), [[], "ann"]);
      await changeGroup(store, "#g", "bob", JOIN);
      assertEquals(await act(store, "bob", { action: "invite", name: "ann" }), [[], "ann"]);
      assertEquals(await act(store, "ann", { action: "invite", name: "nobody" }), ["unknown_user"]);
      assertEquals((await store.groups("ann", "", 10)).entries.length, 1);
    },
  );

  promise(
    "takes no invitation from who was blocked by the invited, before or after they wrote to each other",
    async () => {
      await using opened = await open(["ann", "bob", "cid"]);
      const { store } = opened;
      await makeGroup(store, "#g", ["ann", "cid"]);
      const invite: GroupChange = { action: "invite", name: "bob" };
      await store.changeFriend("bob", "block", "ann");
      assertEquals(await act(store, "ann", invite), ["blocked"]);
      assertEquals((await store.groups("bob", "", 10)).entries, []);
      await store.changeFriend("bob", "unblock", "ann");
      await sendNew(store, { from: "ann", to: "bob" });
      await store.changeFriend("bob", "block", "ann");
      assertEquals(await act(store, "ann", invite), ["blocked"]);
      assertEquals(await act(store, "bob", JOIN), [["ann", "bob", "cid"], "ann"]);
      await changeGroup(store, "#g", "bob", LEAVE);
      assertEquals(await act(store, "cid", invite), [["bob", "cid"], "ann"]);
    },
  );

  promise(
    "takes an invitation for who was blocked by the one who invites, and again once the invited has unblocked",
    async () => {
      await using opened = await open(["ann", "bob"]);
      const { store } = opened;
      await changeGroup(store, "#g", "ann", CLOSED);
      await store.changeFriend("bob", "block", "ann");
      await store.changeFriend("bob", "unblock", "ann");
      await store.changeFriend("ann", "block", "bob");
      assertEquals(await act(store, "ann", { action: "invite", name: "bob" }), [["ann", "bob"], "ann"]);
    },
  );

  promise(
    "takes an invitation back when it is declined, and when the owner removes who was invited",
    async () => {
      await using opened = await open(["ann", "bob"]);
      const { store } = opened;
      await changeGroup(store, "#g", "ann", CLOSED);
      await changeGroup(store, "#g", "ann", { action: "invite", name: "bob" });
      await changeGroup(store, "#g", "bob", LEAVE);
      assertEquals((await store.groups("bob", "", 10)).entries, []);
      assertEquals(await act(store, "bob", LEAVE), ["not_member"]);
      await changeGroup(store, "#g", "ann", { action: "invite", name: "bob" });
      await changeGroup(store, "#g", "ann", { action: "remove", name: "bob" });
      assertEquals(await act(store, "bob", JOIN), ["forbidden"]);
    },
  );

  promise(
    `takes ${MAX_INVITATIONS} invitations for a user and not one more, and they take no room from groups`,
    async () => {
      await using opened = await open(["ann", "bob"]);
      const { store } = opened;
      const invite: GroupChange = { action: "invite", name: "bob" };
      const groups = Array.from({ length: MAX_INVITATIONS }, (_, index) => `#g${index}`);
      await makeGroup(store, "#h", ["ann"]);
      for (const group of groups) {
        await makeGroup(store, group, ["ann"]);
        await changeGroup(store, group, "ann", invite);
      }
      assertEquals(await store.changeGroup("#h", "ann", invite), { outcome: "too_many" });
      assertEquals(await store.changeGroup("#g0", "ann", invite), {
        outcome: "done",
        told: [],
        owner: "ann",
      });
      await changeGroup(store, "#i", "bob", OPEN);
      await changeGroup(store, "#h", "bob", JOIN);
      await changeGroup(store, "#g0", "bob", LEAVE);
      await changeGroup(store, "#h", "bob", LEAVE);
      await changeGroup(store, "#h", "ann", invite);
    },
  );
}
