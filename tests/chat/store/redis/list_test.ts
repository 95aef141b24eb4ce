import { assert, assertEquals } from "@std/assert";
import { redisServer } from "../../../redis_server.ts";
import { test } from "../../../testing.ts";
import { edit, KEYS, openStore } from "./redis_steps.ts";

test("a list does not grow by strangers who ask and take it back, however many do in an hour", async () => {
  await using redis = await redisServer();
  await using store = await openStore(redis);
  const list = KEYS.friends("bob");
  assertEquals((await store.changeFriend("ann", "request", "bob")).outcome, "done");
  const now = Date.now();
  const gone = Array.from({ length: 10_000 }, (_, index) => [`u${index}`, `gone ${now - index} -`] as const);
  await edit(redis, (client) => client.hSet(list, Object.fromEntries(gone)));
  for (const action of ["request", "remove"] as const)
    assertEquals((await store.changeFriend("cid", action, "bob")).outcome, "done");
  const lines = await edit(redis, (client) => client.hGetAll(list));
  assert(Object.keys(lines).length <= 3000, `a list of ${Object.keys(lines).length} lines`);
  assertEquals(lines.cid?.split(" ")[0], "gone", "a late write could bring it back");
  assert("u0" in lines && !("u9999" in lines), "not the oldest were forgotten");
  assertEquals(await store.friends("bob"), [{ name: "ann", state: "incoming" }]);
});

test("a list forgets what has been gone for an hour, once it is long", async () => {
  await using redis = await redisServer();
  await using store = await openStore(redis);
  const list = KEYS.friends("bob");
  const now = Date.now();
  const lineOf = (index: number): string => `gone ${index < 10 ? now : now - 3_700_000} -`;
  const gone = Array.from({ length: 3000 }, (_, index) => [`u${index}`, lineOf(index)] as const);
  await edit(redis, (client) => client.hSet(list, Object.fromEntries(gone)));
  for (const action of ["request", "remove"] as const)
    assertEquals((await store.changeFriend("cid", action, "bob")).outcome, "done");
  assertEquals(await edit(redis, (client) => client.hLen(list)), 11);
});

test("marks of groups that are gone go with their lines, and who joins one again has read what was before", async () => {
  await using redis = await redisServer();
  await using store = await openStore(redis);
  const [groups, mark] = [KEYS.groups("ann"), KEYS.mark("ann")];
  const act = async (action: "create" | "delete", group: string): Promise<void> => {
    const change = action === "create" ? ({ action, mode: "open" } as const) : { action };
    assertEquals((await store.changeGroup(group, "ann", change)).outcome, "done");
  };
  for (const group of ["#here", "#old", "#new"]) await act("create", group);
  await act("delete", "#old");
  const marks = (): Promise<string[]> =>
    edit(redis, async (client) =>
      (await client.hKeys(mark)).filter((field) => field.startsWith("m:")).sort(),
    );
  assertEquals(await marks(), ["m:#here", "m:#new", "m:#old"]);
  const gone = Array.from({ length: 3000 }, (_, index) => [`#g${index}`, `gone ${Date.now()} -`] as const);
  await edit(redis, (client) => client.hSet(groups, { ...Object.fromEntries(gone), "#old": "gone 1 -" }));
  await act("delete", "#new");
  assertEquals(await marks(), ["m:#here", "m:#new"]);
  await act("create", "#old");
  assertEquals(await store.unread("ann"), []);
});
