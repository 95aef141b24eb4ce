import { readFileSync } from "node:fs";
import { dirname, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { assertEquals } from "@std/assert";
import { test } from "../../testing.ts";

/** What a module loads when it runs: types are not among it. */
function importsOf(file: string): string[] {
  const source = readFileSync(file, "utf8").replaceAll(/\/\*[\s\S]*?\*\//g, "");
  const found = source.matchAll(/^(?:import|export)\b( type\b)?[^;]*?from "([^"]+)"/gm);
  return Array.from(found, ([, type, name = ""]) => (type ? "" : name)).filter(Boolean);
}

test("a ChatClient and its dial by WebSocket load nothing that a browser does not have", () => {
  const loaded = new Set(
    ["chat_client", "web_socket_dial"].map((name) =>
      fileURLToPath(new URL(`../../../src/chat/client/${name}.ts`, import.meta.url)),
    ),
  );
  const foreign: string[] = [];
  for (const file of loaded) {
    for (const name of importsOf(file)) {
      if (name.startsWith(".")) loaded.add(normalize(`${dirname(file)}/${name}`));
      else foreign.push(`${file} loads ${name}`);
    }
  }
  assertEquals(foreign, []);
});
