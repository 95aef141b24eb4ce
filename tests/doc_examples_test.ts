import { execFile } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { assert, assertEquals } from "@std/assert";
import { temporaryFolder } from "./helpers.ts";
import { withSurroundings } from "./surroundings.ts";
import { test } from "./testing.ts";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** The pages whose examples are programs of a library's user. */
const PAGES = ["docs/library.md"];

interface Example {
  readonly name: string;
  readonly code: string;
  /** Modules that it imports, by their file names. */
  readonly modules: ReadonlyMap<string, string>;
}

/** Makes what is imported absolute: examples are run in another folder. `chorus` is the library. */
function withAbsoluteImports(code: string, folder: string): string {
  return code.replaceAll(/from "(chorus|\.[^"]+)"/g, (_, name) => {
    const path = name === "chorus" ? join(ROOT, "mod.ts") : join(folder, name);
    return `from "${pathToFileURL(path).href}"`;
  });
}

/** The examples of a source file's doc comments. */
function examplesOf(file: string): Example[] {
  const source = readFileSync(file, "utf8");
  return [...source.matchAll(/@example ([^\n]*)\n \* ```ts\n([\s\S]*?)\n \* ```/g)].map(
    ([, name = "", body = ""]) => ({
      name: `${file.slice(ROOT.length + 1)}: ${name}`,
      code: withAbsoluteImports(body.replaceAll(/^ \* ?/gm, ""), dirname(file)),
      modules: new Map(),
    }),
  );
}

/** The examples of a page. One that begins with a comment of its file's name is a module for those after it. */
function examplesIn(page: string): Example[] {
  const text = readFileSync(join(ROOT, page), "utf8");
  const examples: Example[] = [];
  const modules = new Map<string, string>();
  for (const [, title = "", body = ""] of text.matchAll(/^## ([^\n]+)\n|^```ts\n([\s\S]*?)^```$/gm)) {
    const code = withAbsoluteImports(body, ROOT);
    const [, file] = /^\/\/ (\w+\.ts)\n/.exec(body) ?? [];
    if (title !== "") examples.push({ name: `${page}: ${title}`, code: "", modules: new Map(modules) });
    else if (file !== undefined) modules.set(file, code);
    else examples.push({ name: examples.at(-1)?.name ?? page, code, modules: new Map(modules) });
  }
  return examples.filter(({ code }) => code !== "");
}

/** An export as `deno doc --json` tells of it, as far as it is read here. */
interface Documented {
  readonly name: string;
  readonly declarations: readonly {
    readonly kind: string;
    readonly jsDoc?: { readonly tags?: readonly { readonly kind: string }[] };
  }[];
}

/** The functions and classes that `mod.ts` exports without an example. */
async function withoutExample(): Promise<string[]> {
  const deno = join(ROOT, "node_modules", ".bin", "deno");
  const args = ["doc", "--quiet", "--json", "mod.ts"];
  const { stdout } = await promisify(execFile)(deno, args, { cwd: ROOT, maxBuffer: 64 * 1024 * 1024 });
  const { nodes } = JSON.parse(stdout) as { nodes: Record<string, { symbols: readonly Documented[] }> };
  const symbols = Object.values(nodes).flatMap(({ symbols }) => symbols);
  const made = symbols.filter(({ declarations }) =>
    declarations.some(({ kind }) => kind === "function" || kind === "class"),
  );
  assert(made.length > 0);
  const hasExample = ({ declarations }: Documented): boolean =>
    declarations.some(({ jsDoc }) => jsDoc?.tags?.some(({ kind }) => kind === "example"));
  return made.filter((symbol) => !hasExample(symbol)).map(({ name }) => name);
}

const sources = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .flatMap((file) => examplesOf(join(ROOT, "src", file)));
const pages = PAGES.flatMap(examplesIn);

test("there are examples to run, in the sources and on the pages", () => {
  assert(sources.length > 0);
  assert(pages.length > 0);
});

test("every function and every class that mod.ts exports has an example", async () => {
  assertEquals(await withoutExample(), []);
});

for (const [index, { name, code, modules }] of [...sources, ...pages].entries()) {
  test(`the example in ${name} runs (${index + 1})`, async () => {
    using folder = temporaryFolder();
    await using surroundings = new AsyncDisposableStack();
    const path = join(folder.path, "example.ts");
    writeFileSync(path, `${await withSurroundings(code, surroundings)}\nexport {};\n`);
    for (const [file, text] of modules) writeFileSync(join(folder.path, file), text);
    writeFileSync(join(folder.path, "package.json"), '{"type":"module"}');
    await import(pathToFileURL(path).href);
  });
}
