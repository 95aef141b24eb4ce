import { assertEquals } from "@std/assert";
import { ManualClock, systemClock } from "../../../src/async/mod.ts";
import type { Store } from "../../../src/chat/mod.ts";
import { SignalRoutes } from "../../../src/chat/requests/signal_routes.ts";
import { test } from "../../testing.ts";
import { folderBackings } from "../chat_backings.ts";

/** A store in which ada, bob and eve exist, and ada and bob are in group #g. */
async function openStore(): Promise<AsyncDisposable & { readonly store: Store }> {
  const onError = (error: unknown): never => {
    throw error;
  };
  const backings = await folderBackings({ storeLimits: {}, clock: systemClock, onError });
  const { store } = await backings.open({ server: "s", onGone: () => undefined });
  for (const name of ["ada", "bob", "eve"]) await store.createUser({ name, password: "" });
  await store.changeGroup("#g", "ada", { action: "create", mode: "open" });
  await store.changeGroup("#g", "bob", { action: "join" });
  return { store, [Symbol.asyncDispose]: () => backings[Symbol.asyncDispose]() };
}

test("who may signal to whom is believed for five seconds, and what was refused is asked again each time", async () => {
  await using opened = await openStore();
  const { store } = opened;
  const clock = new ManualClock();
  const routes = new SignalRoutes(store, clock);
  assertEquals(routes.mayReach("ada", "bob"), false);
  assertEquals(await routes.findUser("ada", "bob"), undefined);
  assertEquals([routes.mayReach("ada", "bob"), routes.mayReach("bob", "ada")], [true, false]);
  await store.changeFriend("bob", "block", "ada");
  clock.advance(4999);
  assertEquals(routes.mayReach("ada", "bob"), true);
  clock.advance(1);
  assertEquals(routes.mayReach("ada", "bob"), false);
  assertEquals(await routes.findUser("ada", "bob"), "blocked");
  assertEquals(routes.mayReach("ada", "bob"), false);
  await store.changeFriend("bob", "unblock", "ada");
  assertEquals(await routes.findUser("ada", "bob"), undefined);
  routes.forget("ada", "bob");
  assertEquals(routes.mayReach("ada", "bob"), false);
});

test("a group's members are believed for five seconds, by those who were among them only", async () => {
  await using opened = await openStore();
  const { store } = opened;
  const clock = new ManualClock();
  const routes = new SignalRoutes(store, clock);
  const found = await routes.findGroup("ada", "#g");
  assertEquals(
    found,
    new Map([
      ["ada", "user:ada"],
      ["bob", "user:bob"],
    ]),
  );
  assertEquals(routes.groupChannels("bob", "#g"), found);
  assertEquals(routes.groupChannels("eve", "#g"), undefined);
  assertEquals(await routes.findGroup("eve", "#g"), "not_member");
  assertEquals(await routes.findGroup("ada", "#none"), "unknown_group");
  await store.changeGroup("#g", "bob", { action: "leave" });
  clock.advance(4999);
  assertEquals(routes.groupChannels("bob", "#g") === undefined, false);
  clock.advance(1);
  assertEquals(routes.groupChannels("ada", "#g"), undefined);
  assertEquals(await routes.findGroup("bob", "#g"), "not_member");
});

test("members who ask for their group at once share one question to the store", async () => {
  await using opened = await openStore();
  const { store } = opened;
  let questions = 0;
  const counted: Pick<Store, "mayWrite" | "memberNames"> = {
    mayWrite: (from, to) => store.mayWrite(from, to),
    memberNames: (group, by) => {
      questions += 1;
      return store.memberNames(group, by);
    },
  };
  const routes = new SignalRoutes(counted, new ManualClock());
  const asking = ["ada", "bob", "ada", "bob"].map((name) => routes.findGroup(name, "#g"));
  const answers = await Promise.all(asking);
  assertEquals([questions, new Set(answers).size], [1, 1]);
  assertEquals(await Promise.all([routes.findGroup("eve", "#g"), routes.findGroup("eve", "#g")]), [
    "not_member",
    "not_member",
  ]);
});
