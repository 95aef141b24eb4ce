import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { pageModules } from "../../server/mod.ts";
import type { PageFile } from "./answers.ts";

/** Where everything that the page is made of is served, but the page itself. */
const PREFIX = "/app/";
const STYLE = "text/css; charset=utf-8";
const SCRIPT = "text/javascript; charset=utf-8";

/**
 * Reads the chat page: what it is made of and nothing else, by the paths at which it is served.
 *
 * @throws {Error} When a package is not installed.
 */
export function readPageFiles(): ReadonlyMap<string, PageFile> {
  const modules = pageModules({
    // Below it is the client that the page uses.
    root: new URL("../../", import.meta.url),
    entry: "chat/web/page/main.ts",
    prefix: PREFIX,
    packages: {
      preact: import.meta.resolve("preact"),
      "preact/hooks": import.meta.resolve("preact/hooks"),
      htm: import.meta.resolve("htm"),
    },
  });
  // All at once, instead of each when the one that imports it has come.
  const preloads = modules.map(({ path }) => `<link rel="modulepreload" href="${path}">`).join("\n");
  const page = ownText("index.html").replace("<!-- modules -->", () => preloads);
  return new Map([
    ["/", fileOf("text/html; charset=utf-8", page)],
    ...["style.css", "dialog.css"].map((name) => [PREFIX + name, fileOf(STYLE, ownText(name))] as const),
    [`${PREFIX}icon.svg`, fileOf("image/svg+xml", ownText("icon.svg"))],
    ...modules.map(({ path, source }) => [path, fileOf(SCRIPT, source)] as const),
  ]);
}

function ownText(name: string): string {
  return readFileSync(new URL(`page/${name}`, import.meta.url), "utf8");
}

function fileOf(type: string, body: string): PageFile {
  const tag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
  return { type, body, tag };
}
