/**
 * A browser, where there is one.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import type { Browser, CDPSession, Page } from "playwright-core";
import { RUNTIME, type TestOptions } from "../testing.ts";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

const program = (process.env.PATH ?? "")
  .split(delimiter)
  .flatMap((folder) => NAMES.map((name) => join(folder, name)))
  .find((path) => existsSync(path));

/** For tests that need a browser: skips them by name where there is none, or nothing to lead it. */
export const IN_BROWSER: TestOptions = optionsHere();

function optionsHere(): TestOptions {
  if (RUNTIME === "deno")
    return {
      skip: "Playwright asks Deno for all permissions, which tests are not given; Node leads the browser",
    };
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

/** A page in a browser of its own, and what went wrong in it. Closed with the test. */
export class OpenPage implements AsyncDisposable {
  readonly page: Page;
  /** What scripts have thrown and what the browser has complained about, such as what its policy forbids. */
  readonly complaints: string[] = [];
  /** Every address that was asked for. */
  readonly requests: string[] = [];
  readonly #browser: Browser;
  #session: CDPSession | undefined;

  private constructor(browser: Browser, page: Page) {
    this.#browser = browser;
    this.page = page;
    page.on("pageerror", ({ message }) => this.complaints.push(message));
    page.on("console", (said) => {
      if (said.type() === "error" || said.type() === "warning") this.complaints.push(said.text());
    });
    page.on("request", (request) => this.requests.push(request.url()));
  }

  /** Opens an address. */
  static async at(url: string): Promise<OpenPage> {
    const browser = await launchBrowser();
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    page.setDefaultTimeout(20_000);
    const opened = new OpenPage(browser, page);
    await page.goto(url);
    return opened;
  }

  /** What the browser has measured. */
  async metrics(): Promise<Readonly<Record<string, number>>> {
    // One session: what takes time is counted while it is there.
    this.#session ??= await this.page.context().newCDPSession(this.page);
    await this.#session.send("Performance.enable");
    await this.#session.send("HeapProfiler.collectGarbage");
    const { metrics } = await this.#session.send("Performance.getMetrics");
    return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
  }
}
