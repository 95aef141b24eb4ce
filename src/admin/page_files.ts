import { readFileSync } from "node:fs";
import { PAGE_POLICY, type PageFile, pageFile, pageModules, sendPageFile } from "../server/mod.ts";

/** Where everything that the page is made of is served, but the page itself. */
const PREFIX = "/page/";

/** What goes with each file. */
const HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": PAGE_POLICY,
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

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
    ["/", pageFile("html", ownText("index.html"))],
    [`${PREFIX}style.css`, pageFile("css", ownText("style.css"))],
    [`${PREFIX}colors.css`, pageFile("css", ownText("colors.css"))],
    [`${PREFIX}icon.svg`, pageFile("svg", ownText("icon.svg"))],
    [`${PREFIX}uplot.css`, pageFile("css", readFileSync(new URL(styles), "utf8"))],
    ...modules.map(({ path, source }) => [path, pageFile("js", source)] as const),
  ]);
}

/** The answer to who asks for a file, or who has it already. */
export function pageAnswer(file: PageFile, request: Request): Response {
  return sendPageFile(request, file, HEADERS);
}

function ownText(name: string): string {
  return readFileSync(new URL(`page/${name}`, import.meta.url), "utf8");
}
