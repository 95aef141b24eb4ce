import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import process from "node:process";

/** The most modules that one page may have. */
const MAX_MODULES = 500;

/** A module of a page as a browser gets it. */
export interface PageModule {
  /** Where the page has it, such as `/page/admin/page/main.js`. */
  readonly path: string;
  /** JavaScript that imports only what else is here. */
  readonly source: string;
}

/** Options for {@linkcode pageModules}. */
export interface PageModulesOptions {
  /** The folder of our own modules; a module's path below it is its path below `prefix`. */
  readonly root: URL;
  /** Where the page starts, below `root`. */
  readonly entry: string;
  /** What every path starts with, such as `/page/`. */
  readonly prefix: string;
  /** The files of packages, as JavaScript modules, by the names that imports give them. */
  readonly packages: Readonly<Record<string, string>>;
}

/**
 * Reads a module and all that it imports, with their types taken out and their imports led to where a page has them: what a
 * browser runs without a build.
 *
 * Types must be erasable. What is imported as a type is not part of it. Reads synchronously, a few milliseconds a module: to be called
 * once.
 *
 * @returns The entry first.
 * @throws {Error} When a module imports what is neither below the root nor among the packages, or there are more than 500.
 */
export function pageModules(options: PageModulesOptions): readonly PageModule[] {
  const { root, entry, packages } = options;
  const strip = typeStripper();
  const found = new Map<string, PageModule>();
  const waiting: string[] = [new URL(entry, root).href];
  for (let url = waiting.shift(); url !== undefined; url = waiting.shift()) {
    if (found.has(url)) continue;
    if (found.size >= MAX_MODULES) throw new Error(`Cannot make page: more than ${MAX_MODULES} modules`);
    const from = url;
    const text = readFileSync(new URL(from), "utf8");
    const script = from.endsWith(".ts") ? strip(text).replaceAll(COMMENT, "") : withoutSourceMap(text);
    const source = leadImports(script, (name) => {
      const target = name.startsWith(".") ? new URL(name, from).href : packages[name];
      if (target === undefined)
        throw new Error(`Cannot make page: ${from} imports ${name}, which it has not`);
      waiting.push(target);
      return pathOf(target, options);
    });
    found.set(from, { path: pathOf(from, options), source });
  }
  return [...found.values()];
}

/** Where a page has a module. */
function pathOf(url: string, { root, prefix, packages }: PageModulesOptions): string {
  if (url.startsWith(root.href)) return prefix + url.slice(root.href.length).replace(/\.ts$/, ".js");
  const [name] = Object.entries(packages).find(([, file]) => file === url) ?? [];
  if (name === undefined) throw new Error(`Cannot make page: ${url} is not below its root`);
  return `${prefix}packages/${name.replaceAll(/[^\w.-]/g, "-").replace(/\.js$/, "")}.js`;
}

/** The import and export declarations of a script, each at the start of a statement, and its dynamic imports. */
const IMPORTS =
  /((?:^|[;}\n])\s*(?:import|export)\b(?:[\w\s{},*$]*?\bfrom)?\s*|\bimport\s*\(\s*)(["'])([^"'\n]+)\2/g;

/** What is written for those who read the source. */
const COMMENT = /^[ \t]*(?:\/\*\*[\s\S]*?\*\/|\/\/.*)[ \t]*\n/gm;

/** Gives every import of a script another target. */
function leadImports(script: string, lead: (name: string) => string): string {
  return script.replaceAll(
    IMPORTS,
    (_, before: string, quote: string, name: string) => `${before}${quote}${lead(name)}${quote}`,
  );
}

/** It leads to a file that the page has not. */
function withoutSourceMap(script: string): string {
  return script.replace(/\n\/\/# sourceMappingURL=.*\s*$/, "\n");
}

/** As far as Bun's own is used here. */
interface BunTranspiler {
  transformSync(source: string): string;
}

/** As far as it is used here; not there on Bun. */
interface Stripping {
  stripTypeScriptTypes?(source: string): string;
}

/** What takes the types out of a module. */
function typeStripper(): (source: string) => string {
  const { Bun: bun } = globalThis as {
    Bun?: { Transpiler: new (options: object) => BunTranspiler };
  };
  if (bun) {
    const transpiler = new bun.Transpiler({ loader: "ts", target: "browser" });
    return (source) => transpiler.transformSync(source);
  }
  const { stripTypeScriptTypes } = createRequire(import.meta.url)("node:module") as Stripping;
  if (!stripTypeScriptTypes) throw new Error("Cannot make page: this runtime takes no types out");
  return (source) => unwarned(() => stripTypeScriptTypes(source));
}

/** Node says on standard error that it is an experiment; there are lines of the log, and nothing else. */
function unwarned<T>(work: () => T): T {
  const { emitWarning } = process;
  process.emitWarning = () => undefined;
  try {
    return work();
  } finally {
    process.emitWarning = emitWarning;
  }
}
