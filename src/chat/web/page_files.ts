import { readFileSync } from "node:fs";
import { type PageFile, pageFile, pageModules } from "../../server/mod.ts";

/** Where everything that the page is made of is served, but the page itself. */
const PREFIX = "/app/";

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
    ["/", pageFile("html", page)],
    ...["style.css", "dialog.css"].map((name) => [PREFIX + name, pageFile("css", ownText(name))] as const),
    [`${PREFIX}icon.svg`, pageFile("svg", ownText("icon.svg"))],
    ...modules.map(({ path, source }) => [path, pageFile("js", source)] as const),
  ]);
}

function ownText(name: string): string {
  return readFileSync(new URL(`page/${name}`, import.meta.url), "utf8");
}
