import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { PageFile } from "./answers.ts";

/** Takes the types out of a TypeScript module and leaves JavaScript; each runtime has its own way to. */
export type StripTypes = (source: string) => string;

/** Below this folder everything is that a page may import. */
const SOURCE = new URL("../../", import.meta.url);
const START = "chat/web/page/main.ts";
/** The packages that pages use, and where they are served. */
const PACKAGES: Readonly<Record<string, string>> = {
  preact: "/lib/preact.js",
  "preact/hooks": "/lib/hooks.js",
  htm: "/lib/htm.js",
};

const SCRIPT = "text/javascript; charset=utf-8";
const IMPORT = /(\b(?:from|import)\s*)(["'])([^"']+)\2/g;
/** What is written for those who read the source. */
const COMMENT = /^[ \t]*(?:\/\*\*[\s\S]*?\*\/|\/\/.*)[ \t]*\n/gm;

/**
 * Reads the chat page: what it is made of and nothing else, by the paths at which it is served.
 *
 * Modules are found by following imports from the page's first one, so that no other file can be asked for. Modules keep their places
 * to each other below `/app`; packages are named by paths, as a browser wants it.
 */
export function readPageFiles(stripTypes: StripTypes): ReadonlyMap<string, PageFile> {
  const files = new Map<string, PageFile>();
  for (const [name, path] of Object.entries(PACKAGES))
    files.set(path, fileOf(SCRIPT, byPath(readFileSync(new URL(import.meta.resolve(name)), "utf8"))));
  const modules = readModules(stripTypes);
  for (const [path, code] of modules) files.set(`/app/${path}`, fileOf(SCRIPT, code));
  files.set("/app/style.css", fileOf("text/css; charset=utf-8", read("chat/web/page/style.css")));
  files.set("/app/icon.svg", fileOf("image/svg+xml", read("chat/web/page/icon.svg")));
  // All at once, instead of each when the one that imports it has come.
  const preloads = [...Object.values(PACKAGES), ...Array.from(modules.keys(), (path) => `/app/${path}`)]
    .map((path) => `<link rel="modulepreload" href="${path}">`)
    .join("\n");
  const page = read("chat/web/page/index.html").replace("<!-- modules -->", () => preloads);
  files.set("/", fileOf("text/html; charset=utf-8", page));
  return files;
}

function readModules(stripTypes: StripTypes): ReadonlyMap<string, string> {
  const modules = new Map<string, string>();
  const left = [START];
  for (let path = left.pop(); path !== undefined; path = left.pop()) {
    if (modules.has(path)) continue;
    const code = byPath(stripTypes(read(path)).replaceAll(COMMENT, ""));
    modules.set(path, code);
    for (const [, , , name = ""] of code.matchAll(IMPORT))
      if (name.startsWith("."))
        left.push(new URL(name, new URL(path, SOURCE)).href.slice(SOURCE.href.length));
  }
  return modules;
}

function read(path: string): string {
  return readFileSync(new URL(path, SOURCE), "utf8");
}

/** Names packages by the paths at which they are served. */
function byPath(code: string): string {
  return code.replaceAll(IMPORT, (whole, word, quote, name) =>
    Object.hasOwn(PACKAGES, name) ? `${word}${quote}${PACKAGES[name]}${quote}` : whole,
  );
}

function fileOf(type: string, body: string): PageFile {
  const tag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
  return { type, body, tag };
}
