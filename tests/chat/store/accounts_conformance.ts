import { assertEquals } from "@std/assert";
import {
  FAILURE_WINDOW_MS,
  type LoginFailures,
  type LoginTry,
  MAX_FAILURES_COUNTED,
} from "../../../src/chat/store/mod.ts";
import type { OpenStore, StorePromise } from "./store_conformance.ts";
import { NOW } from "./store_steps.ts";

/** Users, their passwords and tokens, and failed logins. */
export function testAccounts(promise: StorePromise, open: OpenStore): void {
  testUsers(promise, open);
  testTokens(promise, open);
  testFailures(promise, open);
}

function testUsers(promise: StorePromise, open: OpenStore): void {
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

  promise("changes a password only if it is still the one that was read", async () => {
    await using opened = await open(["ann", "bob"]);
    const { store } = opened;
    const both = [store.changePassword("ann", "hash", "new"), store.changePassword("ann", "hash", "other")];
    assertEquals(await Promise.all(both), [true, false]);
    assertEquals(await store.findUser("ann"), { name: "ann", password: "new" });
    assertEquals(await store.findUser("bob"), { name: "bob", password: "hash" });
    assertEquals(await store.changePassword("ann", "hash", "late"), false);
    assertEquals(await store.changePassword("nobody", "hash", "new"), false);
    assertEquals(await store.findUser("nobody"), undefined);
  });

  promise(
    "makes tokens worthless and ends the other devices together with a change of the password",
    async () => {
      await using opened = await open(["ann"]);
      const { store } = opened;
      const states = await Promise.all(
        ["phone", "laptop"].map((device) => store.openDevice("ann", device, NOW)),
      );
      const isEnded = async (): Promise<readonly boolean[]> => {
        const places = states.map(({ epoch }, index) => {
          return { user: "ann", device: index === 0 ? "phone" : "laptop", epoch, inbox: 0, stamp: 0 };
        });
        const found = await store.inboxStates(places);
        return found.map((finding, index) => (finding?.generation ?? 0) > (states[index]?.generation ?? 0));
      };
      await store.addToken({ hash: "t", user: "ann", expiresAt: Date.now() + 60_000 });
      assertEquals(await store.changePassword("ann", "wrong", "new", "phone"), false);
      assertEquals([await isEnded(), await store.findToken("t", NOW)], [[false, false], "ann"]);
      assertEquals(await store.changePassword("ann", "hash", "new", "phone"), true);
      assertEquals([await isEnded(), await store.findToken("t", NOW)], [[false, true], undefined]);
    },
  );
}

function testTokens(promise: StorePromise, open: OpenStore): void {
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

function testFailures(promise: StorePromise, open: OpenStore): void {
  promise("counts failed logins of a name and from a host, each by itself", async () => {
    await using opened = await open(["ann"]);
    const { store } = opened;
    const now = Date.now();
    const note = async (name: string, host: string): Promise<LoginFailures> =>
      (await store.noteLoginTry(name, host, now)).before;
    assertEquals(await note("ann", "192.0.2.1"), { name: 0, host: 0 });
    assertEquals(await note("ann", "192.0.2.1"), { name: 1, host: 1 });
    assertEquals(await note("ann", "2001:db8::1"), { name: 2, host: 0 });
    assertEquals(await note("nobody", "192.0.2.1"), { name: 0, host: 2 });
    assertEquals(await note("ann", "192.0.2.1"), { name: 3, host: 3 });
    assertEquals(await note("nobody", "2001:db8::1"), { name: 1, host: 1 });
    assertEquals(await note("bob", "192.0.2.9"), { name: 0, host: 0 });
  });

  promise("tells each of many logins at once another number of those before it", async () => {
    await using opened = await open(["ann"]);
    const now = Date.now();
    const tries = await Promise.all(
      Array.from({ length: 20 }, () => opened.store.noteLoginTry("ann", "192.0.2.1", now)),
    );
    const inOrder = Array.from({ length: 20 }, (_, index) => index);
    const ascending = (one: number, another: number): number => one - another;
    assertEquals(tries.map(({ before }) => before.name).sort(ascending), inOrder);
    assertEquals(tries.map(({ before }) => before.host).sort(ascending), inOrder);
  });

  promise("counts as many failed logins as any limit needs, and no more", async () => {
    await using opened = await open(["ann"]);
    const now = Date.now();
    const note = (): Promise<LoginTry> => opened.store.noteLoginTry("ann", "192.0.2.1", now);
    await Promise.all(Array.from({ length: MAX_FAILURES_COUNTED + 50 }, note));
    const [name, host] = [MAX_FAILURES_COUNTED, MAX_FAILURES_COUNTED];
    assertEquals((await note()).before, { name, host });
  });

  promise("counts no login that was taken back", async () => {
    await using opened = await open(["ann"]);
    const { store } = opened;
    const now = Date.now();
    const [first, second] = [
      await store.noteLoginTry("ann", "192.0.2.1", now),
      await store.noteLoginTry("ann", "192.0.2.1", now),
    ];
    await store.takeBackLoginTry(first);
    await store.takeBackLoginTry(first);
    assertEquals((await store.noteLoginTry("ann", "192.0.2.1", now)).before, { name: 1, host: 1 });
    await store.takeBackLoginTry(second);
    assertEquals((await store.noteLoginTry("ann", "192.0.2.1", now)).before, { name: 1, host: 1 });
  });

  promise("forgets failed logins after the window", async () => {
    await using opened = await open(["ann"]);
    const { store } = opened;
    // No later than now: whose clock is ahead of the store's counts by that.
    const first = Date.now() - FAILURE_WINDOW_MS * 2.5;
    const note = async (at: number): Promise<LoginFailures> =>
      (await store.noteLoginTry("ann", "192.0.2.1", at)).before;
    assertEquals(await note(first), { name: 0, host: 0 });
    assertEquals(await note(first + FAILURE_WINDOW_MS / 2), { name: 1, host: 1 });
    assertEquals(await note(first + FAILURE_WINDOW_MS * 1.25), { name: 1, host: 1 });
    assertEquals(await note(first + FAILURE_WINDOW_MS * 2.5), { name: 0, host: 0 });
  });
}
