import { execFile } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { assert, assertEquals } from "@std/assert";
import { ROOT } from "./cli/program.ts";
import { RUNTIME, test } from "./testing.ts";

/** Kinds of stores are told of as a whole: their operations are the chat server's, and nobody else is to call them. */
const TOLD_AS_A_WHOLE = "src/chat/store/";

/** What Deno's linter of documentation finds wrong with the library: the places of its complaints. */
function complaints(): Promise<string[]> {
  const program = join(ROOT, "node_modules", ".bin", "deno");
  const options = { cwd: ROOT, env: { ...process.env, NO_COLOR: "1" } };
  return new Promise((resolve, reject) => {
    execFile(program, ["doc", "--lint", "mod.ts"], options, (error, _, said) => {
      const places = Array.from(said.matchAll(/^ *--> (\S+)$/gm), ([, place = ""]) =>
        place.slice(ROOT.length + 1),
      );
      if (error && places.length === 0) reject(error);
      else resolve(places);
    });
  });
}

test("everything that mod.ts exports is documented, with every type that it names", {
  skip: RUNTIME === "node" ? undefined : "it is Deno that is asked whatever runs the test: once, from Node",
}, async () => {
  assertEquals(
    (await complaints()).filter((place) => !place.startsWith(TOLD_AS_A_WHOLE)),
    [],
  );
});

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
