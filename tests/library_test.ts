import process from "node:process";
import { assert, assertEquals } from "@std/assert";
import { test } from "./testing.ts";

test("mod.ts exports what the documents use, and importing it starts nothing", async () => {
  const before = process.listenerCount("SIGTERM");
  const library = await import("../mod.ts");
  for (const name of [
    "startBalancer",
    "startChatServer",
    "connectChat",
    "registerChat",
    "models",
    "redisBus",
  ])
    assert(name in library, name);
  assertEquals(process.listenerCount("SIGTERM"), before);
});
