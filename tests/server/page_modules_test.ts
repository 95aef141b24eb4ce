import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { pageModules } from "../../src/server/mod.ts";
import { temporaryFolder } from "../helpers.ts";
import { test } from "../testing.ts";

const PACKAGE = 'export const shape = "round";\n//# sourceMappingURL=shape.js.map\n';
const FILES = {
  "main.ts": [
    'import { shape } from "shapes/round";',
    'import type { Size } from "./never_read.ts";',
    'import { other, type Other } from "./other.ts";',
    'export const text: string = `import "./not_an_import.ts"`;',
    "export const sum = (size: Size, more: Other): number => size + more + other.length + shape.length;",
  ],
  "other.ts": [
    'import { text } from "./main.ts";',
    "export type Other = number;",
    "export const other: string = String(text);",
  ],
  "lost.ts": ['import { join } from "node:path";', "join();"],
};

function pageIn(folder: string, entry: string) {
  for (const [name, lines] of Object.entries(FILES)) writeFileSync(join(folder, name), lines.join("\n"));
  writeFileSync(join(folder, "round.mjs"), PACKAGE);
  const packages = { "shapes/round": pathToFileURL(join(folder, "round.mjs")).href };
  const root = pathToFileURL(`${folder}/sources/`);
  return pageModules({ root: new URL("../", root), entry, prefix: "/p/", packages });
}

test("pageModules() gives what a browser runs: no types, every import where the page has it, each module once", () => {
  using folder = temporaryFolder();
  const modules = pageIn(folder.path, "main.ts");
  assertEquals(modules.map(({ path }) => path).slice(0, 1), ["/p/main.js"]);
  assertEquals(modules.map(({ path }) => path).sort(), ["/p/main.js", "/p/other.js", "/p/round.mjs"]);
  const [main] = modules;
  assert(main);
  const targets = [...main.source.matchAll(/from "([^"]+)"/g)].map(([, target]) => target);
  assertEquals(targets, ["/p/round.mjs", "/p/other.js"]);
  assert(main.source.includes('`import "./not_an_import.ts"`'), main.source);
  assert(!/: string|: Size|Other/.test(main.source), main.source);
  assert(
    !modules.some(({ source }) => source.includes("sourceMappingURL")),
    "a source map that is not there",
  );
});

test("pageModules() refuses what a browser could not have, and says who imports it", () => {
  using folder = temporaryFolder();
  const { message } = assertThrows(() => pageIn(folder.path, "lost.ts"), Error);
  assert(message.includes("lost.ts imports node:path, which it has not"), message);
});
