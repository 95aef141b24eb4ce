import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { PAGE_POLICY, pageModules } from "../server/mod.ts";

/** Where everything that the page is made of is served, but the page itself. */
const PREFIX = "/page/";

/** The types of what a page is made of. */
const TYPES = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
} as const;

/** One file of the page as it is sent. */
export interface PageFile {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Reads everything that the dashboard is made of: its own modules without their types, and those of its packages.
 *
 * @returns The files by their paths.
 * @throws {Error} When a package is not installed.
 */
export function readPageFiles(): ReadonlyMap<string, PageFile> {
  const modules = pageModules({
    root: new URL("../", import.meta.url),
    entry: "admin/page/main.ts",
    prefix: PREFIX,
    packages: {
      preact: import.meta.resolve("preact"),
      htm: import.meta.resolve("htm"),
      "htm/preact": import.meta.resolve("htm/preact"),
      uplot: import.meta.resolve("uplot/dist/uPlot.esm.js"),
    },
  });
  const styles = import.meta.resolve("uplot/dist/uPlot.min.css");
  return new Map([
    ["/", fileOf("html", ownText("index.html"))],
    [`${PREFIX}style.css`, fileOf("css", ownText("style.css"))],
    [`${PREFIX}colors.css`, fileOf("css", ownText("colors.css"))],
    [`${PREFIX}icon.svg`, fileOf("svg", ownText("icon.svg"))],
    [`${PREFIX}uplot.css`, fileOf("css", readFileSync(new URL(styles), "utf8"))],
    ...modules.map(({ path, source }) => [path, fileOf("js", source)] as const),
  ]);
}

/** The answer to who asks for a file, or who has it already. */
export function pageAnswer({ body, headers }: PageFile, request: Request): Response {
  const isKnown = request.headers.get("if-none-match") === headers.etag;
  if (isKnown) return new Response(null, { status: 304, headers });
  return new Response(request.method === "HEAD" ? null : body, { headers });
}

function ownText(name: string): string {
  return readFileSync(new URL(`page/${name}`, import.meta.url), "utf8");
}

function fileOf(type: keyof typeof TYPES, text: string): PageFile {
  const body = new Uint8Array(Buffer.from(text));
  return {
    body,
    headers: {
      "content-type": TYPES[type],
      "content-security-policy": PAGE_POLICY,
      "cross-origin-resource-policy": "same-origin",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
      // Kept, and asked for each time: after an update of the program it is the new one.
      "cache-control": "no-cache",
      etag: `"${createHash("sha256").update(body).digest("base64url")}"`,
    },
  };
}
