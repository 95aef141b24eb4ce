import { assertEquals, assertRejects } from "@std/assert";
import { localPresence, PresenceError } from "../../../src/chat/presence/mod.ts";
import { test } from "../../testing.ts";
import { unexpected } from "./unexpected.ts";

test("localPresence() knows its own users, who are all there are", async () => {
  await using presence = localPresence({ server: "one", onGone: unexpected, onError: unexpected });
  assertEquals(await presence.arrive("ann"), true);
  assertEquals([...(await presence.online(["bob", "ann"]))], ["ann"]);
  assertEquals(await presence.leave("ann"), true);
  assertEquals((await presence.online(["ann"])).size, 0);
});

test("localPresence() rejects everything once it is closed", async () => {
  const presence = localPresence({ server: "one", onGone: unexpected, onError: unexpected });
  await presence[Symbol.asyncDispose]();
  for (const ask of [() => presence.arrive("ann"), () => presence.leave("ann"), () => presence.online([])]) {
    await assertRejects(ask, PresenceError);
  }
});
