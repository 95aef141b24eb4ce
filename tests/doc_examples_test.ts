import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { assert } from "@std/assert";
import { temporaryFolder } from "./helpers.ts";
import { test } from "./testing.ts";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

interface Example {
  readonly name: string;
  readonly code: string;
}

/** The examples of a source file's doc comments, with what they import made absolute. */
function examplesOf(file: string): Example[] {
  const source = readFileSync(file, "utf8");
  const absolute = (name: string): string => pathToFileURL(join(dirname(file), name)).href;
  return [...source.matchAll(/@example ([^\n]*)\n \* ```ts\n([\s\S]*?)\n \* ```/g)].map(
    ([, name = "", body = ""]) => ({
      name: `${file.slice(ROOT.length + 1)}: ${name}`,
      code: body
        .replaceAll(/^ \* ?/gm, "")
        .replaceAll(/from "(\.[^"]+)"/g, (_, path) => `from "${absolute(path)}"`),
    }),
  );
}

const examples = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .flatMap((file) => examplesOf(join(ROOT, "src", file)));

test("there are examples to run", () => {
  assert(examples.length > 0);
});

for (const { name, code } of examples) {
  test(`the example in ${name} runs`, async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, "example.ts");
    writeFileSync(path, `${code}\nexport {};\n`);
    writeFileSync(join(folder.path, "package.json"), '{"type":"module"}');
    await import(pathToFileURL(path).href);
  });
}
