/**
 * A browser, where there is one.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import type { Browser } from "playwright-core";
import { RUNTIME, type TestOptions } from "../testing.ts";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

const program = (process.env.PATH ?? "")
  .split(delimiter)
  .flatMap((folder) => NAMES.map((name) => join(folder, name)))
  .find((path) => existsSync(path));

/** For tests that need a browser: skips them by name where there is none, or where another runtime leads it. */
export const IN_BROWSER: TestOptions = optionsHere();

function optionsHere(): TestOptions {
  if (RUNTIME !== "node") return { skip: "Node leads the browser, to programs of all three runtimes" };
  if (program === undefined)
    return { skip: `there is no browser: none of ${NAMES.join(", ")} is in the path` };
  return {};
}

/** Starts a browser of one's own. */
export async function launchBrowser(): Promise<Browser> {
  // Only where there is a browser: loaded on Deno it keeps the tests of its file from being found.
  const { chromium } = await import("playwright-core");
  // A browser of a root user does not start in its sandbox.
  return await chromium.launch({ executablePath: program ?? "", args: ["--no-sandbox"] });
}
