import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { assertEquals } from "@std/assert";
import { test } from "./testing.ts";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** The folders of `src` from the top of the house to its ground: each may import from those on later lines only. */
const FLOORS: readonly (readonly string[])[] = [
  ["cli"],
  ["admin", "balancer", "chat"],
  ["registry"],
  ["bus"],
  ["redis"],
  ["server"],
  ["net"],
  ["wire"],
  ["async"],
];

/** Who may name a runtime or a module that not all of them have alike. */
const NEAR_THE_RUNTIME = ["net", "server", "cli"];

/** The `node:` modules that behave alike on the three runtimes. */
const ALIKE = ["buffer", "crypto", "fs", "os", "path", "sqlite", "timers", "url", "util", "zlib"].map(
  (name) => `node:${name}`,
);

/** Files whose only business is values: they import nothing but each other, `node:buffer` and a checker of input. */
const PURE = [
  /^src\/balancer\/(policy\/.*|heartbeat\/(heartbeat|history)|contract)\.ts$/,
  /^src\/chat\/(protocol|requests\/(parse_request|request_schemas|frequent_request|signal_data))\.ts$/,
  /^src\/chat\/store\/(contract|line)\.ts$/,
  /^src\/chat\/client\/(outbox|reader|recent|errors)\.ts$/,
  /^src\/(bus|registry)\/contract\.ts$/,
  /^src\/wire\/.*\.ts$/,
];

interface Import {
  readonly from: string;
  /** A path below the root, or a package's or a runtime's module name. */
  readonly to: string;
  readonly isType: boolean;
  readonly isLazy: boolean;
}

const files = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => `src/${file}`);
const imports = ["mod.ts", ...files].flatMap(importsOf);

function sourceOf(file: string): string {
  // Comments hold examples, which may import what they like.
  return readFileSync(join(ROOT, file), "utf8")
    .replaceAll(/\/\*[\s\S]*?\*\//g, "")
    .replaceAll(/^\s*\/\/.*$/gm, "");
}

function importsOf(file: string): Import[] {
  const source = sourceOf(file);
  const found: Import[] = [];
  const resolve = (name: string) => (name.startsWith(".") ? normalize(join(dirname(file), name)) : name);
  for (const [, kind = "", name = ""] of source.matchAll(
    /^(?:import|export)\b( type\b)?[^;]*?from "([^"]+)"/gm,
  )) {
    found.push({ from: file, to: resolve(name), isType: kind !== "", isLazy: false });
  }
  for (const [, name = ""] of source.matchAll(/\bimport\("([^"]+)"\)/g)) {
    found.push({ from: file, to: resolve(name), isType: false, isLazy: true });
  }
  return found;
}

function folderOf(path: string): string {
  return path.split("/")[1] ?? "";
}

function floorOf(path: string): number {
  return FLOORS.findIndex((floor) => floor.includes(folderOf(path)));
}

const between = imports.filter(
  ({ from, to }) => from.startsWith("src/") && to.startsWith("src/") && folderOf(from) !== folderOf(to),
);

function lines(found: readonly Import[]): string[] {
  return found.map(({ from, to }) => `${from} imports ${to}`);
}

test("every folder of src has its place in the house", () => {
  assertEquals(readdirSync(join(ROOT, "src")).sort(), FLOORS.flat().sort());
});

test("a folder imports only from the floors below it, and no product imports another", () => {
  assertEquals(lines(between.filter(({ from, to }) => floorOf(to) <= floorOf(from))), []);
});

test("another folder is imported only through its mod.ts", () => {
  assertEquals(lines(between.filter(({ to }) => !/^src\/[a-z]+\/mod\.ts$/.test(to))), []);
});

test("only net, server and cli name a runtime or a module that is not alike on all three", () => {
  const away = files.filter((file) => !NEAR_THE_RUNTIME.includes(folderOf(file)));
  assertEquals(
    away.filter((file) => /\b(?:Bun|Deno|process)\b\s*[.?[(]/.test(sourceOf(file))),
    [],
  );
  const modules = imports.filter(
    ({ from, to, isType }) => away.includes(from) && to.startsWith("node:") && !isType,
  );
  assertEquals(lines(modules.filter(({ to }) => !ALIKE.includes(to))), []);
});

test("pure files import nothing but each other", () => {
  const isPure = (path: string) => PURE.some((pattern) => pattern.test(path));
  const allowed = ["node:buffer", "valibot"];
  const impure = imports.filter(
    ({ from, to, isType }) => isPure(from) && !isPure(to) && !allowed.includes(to) && !isType,
  );
  assertEquals(lines(impure), []);
  assertEquals(
    PURE.filter((pattern) => !files.some((file) => pattern.test(file))),
    [],
  );
});

test("each package is used in its one place", () => {
  const places: Record<string, string[]> = {};
  for (const { from, to, isType } of imports) {
    if (to.startsWith("src/") || to.startsWith("node:") || isType) continue;
    const folders = new Set(places[to] ?? []);
    places[to] = [...folders.add(folderOf(from))].sort();
  }
  assertEquals(places, {
    "@logtape/logtape": ["cli"],
    "crossws/server": ["chat"],
    htm: ["chat"],
    "htm/preact": ["admin"],
    jose: ["chat"],
    preact: ["chat"],
    "preact/hooks": ["chat"],
    "prom-client": ["admin"],
    redis: ["redis"],
    srvx: ["admin", "chat"],
    uplot: ["admin"],
    valibot: ["admin", "balancer", "chat", "registry"],
  });
});

test("what a role does not use it does not load: chat and balance over TCP take no package but valibot and the logger", () => {
  for (const role of ["chat", "balance"]) {
    const loaded = new Set<string>();
    const visit = (path: string): void => {
      if (loaded.has(path)) return;
      loaded.add(path);
      const next = imports.filter(({ from, isType, isLazy }) => from === path && !isType && !isLazy);
      for (const { to } of next) visit(to);
    };
    visit("src/cli/main.ts");
    visit(`src/cli/${role}.ts`);
    const packages = [...loaded].filter(
      (name) => !name.startsWith("src/") && !ALIKE.includes(name) && !name.startsWith("node:"),
    );
    assertEquals(packages.sort(), ["@logtape/logtape", "valibot"], role);
    assertEquals(loaded.has("node:sqlite"), false, `${role} loads node:sqlite before it needs it`);
  }
});

test("what only --web needs is loaded lazily, and the pages' own modules are never loaded by the program", () => {
  const isPage = (path: string) => /^src\/(?:chat\/web|admin)\/page\//.test(path);
  const outside = imports.filter(({ from, to }) => !isPage(from) && isPage(to));
  assertEquals(lines(outside), []);
  const eager = imports.filter(
    ({ from, to, isType, isLazy }) =>
      !from.startsWith("src/chat/web/") && to.startsWith("src/chat/web/") && !isType && !isLazy,
  );
  assertEquals(lines(eager), []);
  const packages = imports.filter(({ to }) => /^(?:preact|htm|uplot)\b/.test(to) && !to.startsWith("src/"));
  assertEquals(lines(packages.filter(({ from }) => !isPage(from))), []);
});

test("no file or folder of src is named after nothing", () => {
  const names = files.flatMap((file) => file.replace(/\.ts$/, "").split(/[/_]/));
  assertEquals(
    names.filter((name) => ["utils", "util", "common", "core", "types", "helpers", "misc"].includes(name)),
    [],
  );
});
