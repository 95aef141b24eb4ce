import { assertEquals } from "@std/assert";
import {
  type Friend,
  type FriendAction,
  type FriendResult,
  MAX_BLOCKED,
  MAX_FRIENDS,
  type Store,
} from "../../../src/chat/store/mod.ts";
import type { OpenedStore, OpenStore, StorePromise } from "./store_conformance.ts";
import { outgoing, sendNew } from "./store_steps.ts";

/** Who is whose friend, and who has blocked whom. */
export function testFriends(promise: StorePromise, open: OpenStore): void {
  testRequests(promise, open);
  testBlocks(promise, open);
  testLists(promise, open);
}

/** Opens a store with ann, bob and cid, and does something to how ann and bob stand to each other. */
async function after(
  open: OpenStore,
  ...steps: readonly (readonly [user: "ann" | "bob", action: FriendAction])[]
): Promise<OpenedStore> {
  const opened = await open(["ann", "bob", "cid"]);
  for (const [user, action] of steps)
    assertEquals((await change(opened.store, user, action)).outcome, "done", `${user} ${action}`);
  return opened;
}

/** Does something of ann to bob, or of bob to ann. */
function change(store: Store, user: "ann" | "bob", action: FriendAction): Promise<FriendResult> {
  return store.changeFriend(user, action, user === "ann" ? "bob" : "ann");
}

/** How ann stands to bob in her list, and bob to ann in his. */
async function states({ store }: OpenedStore): Promise<readonly (string | undefined)[]> {
  const [ann, bob] = await Promise.all([store.friends("ann"), store.friends("bob")]);
  const stateOf = (friends: readonly Friend[], name: string): string | undefined =>
    friends.find((friend) => friend.name === name)?.state;
  return [stateOf(ann, "bob"), stateOf(bob, "ann")];
}

function testRequests(promise: StorePromise, open: OpenStore): void {
  promise("makes friends of two when one asks and the other one accepts", async () => {
    await using opened = await after(open);
    const { store } = opened;
    assertEquals(await change(store, "ann", "request"), { outcome: "done", told: "requested" });
    assertEquals(await states(opened), ["outgoing", "incoming"]);
    assertEquals(await change(store, "bob", "accept"), { outcome: "done", told: "accepted" });
    assertEquals(await states(opened), ["friend", "friend"]);
  });

  promise("makes friends of two who both ask", async () => {
    await using opened = await after(open, ["ann", "request"]);
    assertEquals(await change(opened.store, "bob", "request"), { outcome: "done", told: "accepted" });
    assertEquals(await states(opened), ["friend", "friend"]);
  });

  promise("changes nothing and tells nobody when something is asked for again", async () => {
    await using opened = await after(open, ["ann", "request"]);
    const { store } = opened;
    assertEquals(await change(store, "ann", "request"), { outcome: "done" });
    assertEquals(await states(opened), ["outgoing", "incoming"]);
    await change(store, "bob", "accept");
    for (const [user, action] of [
      ["bob", "accept"],
      ["ann", "accept"],
      ["ann", "request"],
      ["bob", "request"],
    ] as const)
      assertEquals(await change(store, user, action), { outcome: "done" }, `${user} ${action}`);
    assertEquals(await states(opened), ["friend", "friend"]);
  });

  promise("has nothing to accept where nobody asked, not even for who asked", async () => {
    await using opened = await after(open, ["ann", "request"]);
    assertEquals(await change(opened.store, "ann", "accept"), { outcome: "no_request" });
    assertEquals(await opened.store.changeFriend("cid", "accept", "ann"), { outcome: "no_request" });
    assertEquals(await opened.store.friends("cid"), []);
  });

  for (const [what, steps] of [
    ["a friendship", ["ann:request", "bob:accept"]],
    ["one's own request", ["ann:request"]],
    ["the other one's request", ["bob:request"]],
  ] as const)
    promise(`ends ${what}, on both sides, and once`, async () => {
      await using opened = await open(["ann", "bob"]);
      for (const step of steps) {
        const [user, action] = step.split(":") as ["ann" | "bob", FriendAction];
        await change(opened.store, user, action);
      }
      assertEquals(await change(opened.store, "ann", "remove"), { outcome: "done", told: "removed" });
      assertEquals(await states(opened), [undefined, undefined]);
      assertEquals(await change(opened.store, "ann", "remove"), { outcome: "done" });
    });

  promise("does nothing to or for who does not exist", async () => {
    await using opened = await open(["ann"]);
    const actions: readonly FriendAction[] = ["request", "accept", "remove", "block", "unblock"];
    for (const action of actions)
      assertEquals(await opened.store.changeFriend("ann", action, "nobody"), { outcome: "unknown_user" });
    assertEquals(await opened.store.friends("ann"), []);
    assertEquals(await opened.store.friends("nobody"), []);
  });
}

function testBlocks(promise: StorePromise, open: OpenStore): void {
  promise("ends a friendship by a block, of which the other one sees nothing", async () => {
    await using opened = await after(open, ["ann", "request"], ["bob", "accept"], ["ann", "block"]);
    assertEquals(await states(opened), ["blocked", undefined]);
    assertEquals(await change(opened.store, "ann", "block"), { outcome: "done" });
    assertEquals(await states(opened), ["blocked", undefined]);
  });

  promise(
    "refuses requests and messages of who was blocked, until unblocked, and stores nothing",
    async () => {
      await using opened = await after(open, ["bob", "block"]);
      const { store } = opened;
      assertEquals(await change(store, "ann", "request"), { outcome: "blocked" });
      assertEquals(await store.send(outgoing()), { outcome: "blocked" });
      assertEquals(await states(opened), [undefined, "blocked"]);
      assertEquals(await change(store, "bob", "unblock"), { outcome: "done" });
      assertEquals(await states(opened), [undefined, undefined]);
      assertEquals(await sendNew(store), 1);
      assertEquals((await opened.entries("bob", 1)).length, 1);
    },
  );

  promise("lets who has blocked write to who was blocked, and others to both", async () => {
    await using opened = await after(open, ["bob", "block"]);
    const { store } = opened;
    assertEquals(await sendNew(store, { from: "bob", to: "ann" }), 1);
    assertEquals(await sendNew(store, { from: "cid", to: "bob" }), 1);
    assertEquals(await sendNew(store, { from: "ann", to: "ann" }), 1);
  });

  promise("blocks at once, also after messages have passed", async () => {
    await using opened = await after(open);
    const { store } = opened;
    const first = outgoing();
    await store.send(first);
    await change(store, "bob", "block");
    assertEquals(await store.send(outgoing()), { outcome: "blocked" });
    const repeated = await store.send(first);
    assertEquals(repeated.outcome === "stored" && [repeated.seq, repeated.duplicate], [1, true]);
  });

  promise("lets two block each other, and each only end their own block", async () => {
    await using opened = await after(open, ["ann", "block"], ["bob", "block"], ["ann", "unblock"]);
    assertEquals(await states(opened), [undefined, "blocked"]);
    assertEquals(await change(opened.store, "ann", "remove"), { outcome: "done" });
    assertEquals(await states(opened), [undefined, "blocked"]);
    assertEquals(await change(opened.store, "bob", "remove"), { outcome: "done" });
    assertEquals(await states(opened), [undefined, "blocked"], "only unblock ends a block");
  });

  promise("says who may write to whom", async () => {
    await using opened = await after(open, ["bob", "block"]);
    const { store } = opened;
    assertEquals(await store.mayWrite("ann", "bob"), "blocked");
    assertEquals(await store.mayWrite("bob", "ann"), "yes");
    assertEquals(await store.mayWrite("cid", "bob"), "yes");
    await store.changeFriend("cid", "request", "ann");
    assertEquals([await store.mayWrite("cid", "ann"), await store.mayWrite("ann", "cid")], ["yes", "yes"]);
    assertEquals(await store.mayWrite("ann", "ann"), "yes");
    assertEquals(await store.mayWrite("ann", "nobody"), "unknown_user");
  });
}

function testLists(promise: StorePromise, open: OpenStore): void {
  promise("lists everybody to whom a user stands in some way, in the order of their names", async () => {
    await using opened = await open(["me", "z", "b-2", "a.1", "_x"]);
    const { store } = opened;
    await store.changeFriend("me", "request", "z");
    await store.changeFriend("b-2", "request", "me");
    await store.changeFriend("me", "block", "a.1");
    await store.changeFriend("me", "request", "_x");
    await store.changeFriend("_x", "accept", "me");
    assertEquals(await store.friends("me"), [
      { name: "_x", state: "friend" },
      { name: "a.1", state: "blocked" },
      { name: "b-2", state: "incoming" },
      { name: "z", state: "outgoing" },
    ]);
  });

  promise(
    `holds ${MAX_FRIENDS} names in a list and not one more, but for those that are blocked`,
    async () => {
      const others = Array.from({ length: MAX_FRIENDS + 1 }, (_, index) => `u${index}`);
      await using opened = await open([]);
      const { store } = opened;
      await Promise.all(["me", ...others].map((name) => store.createUser({ name, password: "p" })));
      const [last = "", ...first] = others;
      const asked = await Promise.all(first.map((other) => store.changeFriend("me", "request", other)));
      assertEquals(new Set(asked.map(({ outcome }) => outcome)), new Set(["done"]));
      assertEquals((await store.friends("me")).length, MAX_FRIENDS);
      assertEquals(await store.changeFriend("me", "request", last), { outcome: "full" });
      assertEquals(await store.changeFriend(last, "request", "me"), { outcome: "full" });
      assertEquals(await store.friends(last), []);
      assertEquals(await store.changeFriend("me", "block", last), { outcome: "done" });
      assertEquals((await store.friends("me")).length, MAX_FRIENDS + 1);
      assertEquals((await store.changeFriend("me", "unblock", last)).outcome, "done");
      assertEquals((await store.changeFriend("me", "block", "u1")).outcome, "done");
      assertEquals((await store.changeFriend(last, "request", "me")).outcome, "done", "u1 has left room");
    },
  );

  promise(
    `holds ${MAX_BLOCKED} blocked names in a list and not one more, beside those that are not`,
    async () => {
      const others = Array.from({ length: MAX_BLOCKED + 1 }, (_, index) => `u${index}`);
      await using opened = await open([]);
      const { store } = opened;
      await Promise.all(["me", ...others].map((name) => store.createUser({ name, password: "p" })));
      const [last = "", ...first] = others;
      const blocked = await Promise.all(first.map((other) => store.changeFriend("me", "block", other)));
      assertEquals(new Set(blocked.map(({ outcome }) => outcome)), new Set(["done"]));
      assertEquals((await store.changeFriend("me", "block", "u1")).outcome, "done", "u1 is blocked already");
      assertEquals(await store.changeFriend("me", "block", last), { outcome: "full" });
      assertEquals((await store.changeFriend(last, "request", "me")).outcome, "done");
      assertEquals(await store.changeFriend("me", "block", last), { outcome: "full" });
      assertEquals((await store.friends("me")).length, MAX_BLOCKED + 1);
    },
  );
}
