/**
 * Windows for tests, of a browser that the tests of a file share.
 *
 * @module
 */
import type { BrowserContext, BrowserContextOptions, CDPSession, Page } from "playwright-core";
import { shared } from "../redis_process.ts";
import { type Driven, drive } from "./browser.ts";
import { launchBrowser } from "./chromium.ts";

/** One for all tests of a file: another one, or another window of it, takes a second of the processor. */
const browser = shared(launchBrowser);
const idle: BrowserContext[] = [];

/** A window that has nothing in store. Disposing closes its pages. */
export interface Window extends AsyncDisposable {
  newPage(): Promise<Page>;
}

/** Opens a window as somebody's who has never been anywhere, or takes one that a test before has left. */
export async function openWindow(options?: BrowserContextOptions): Promise<Window> {
  const context = (options === undefined && idle.pop()) || (await newContext(options));
  const pages: Page[] = [];
  return {
    async newPage() {
      const page = await context.newPage();
      pages.push(page);
      return page;
    },
    async [Symbol.asyncDispose]() {
      if (options !== undefined) return await context.close();
      for (const page of pages) {
        await page.evaluate(() => localStorage.clear());
        await page.close();
      }
      await context.clearCookies();
      idle.push(context);
    },
  };
}

async function newContext(options: BrowserContextOptions = {}): Promise<BrowserContext> {
  const context = await (await browser()).newContext({ viewport: { width: 1280, height: 900 }, ...options });
  // Without a page that stays a window ends with the pages of its test.
  await context.newPage();
  return context;
}

/** Takes windows for people who have never been anywhere. */
export function takeBrowser(): Driven {
  const windows = new AsyncDisposableStack();
  return drive(
    async (options) => await windows.use(await openWindow(options)).newPage(),
    () => windows.disposeAsync(),
  );
}

/** A page, and what went wrong in it. Closed with the test. */
export class OpenPage implements AsyncDisposable {
  readonly page: Page;
  /** What scripts have thrown and what the browser has complained about, such as what its policy forbids. */
  readonly complaints: string[] = [];
  /** Every address that was asked for. */
  readonly requests: string[] = [];
  readonly #window: Window;
  #session: CDPSession | undefined;

  private constructor(window: Window, page: Page) {
    this.#window = window;
    this.page = page;
    page.on("pageerror", ({ message }) => this.complaints.push(message));
    page.on("console", (said) => {
      if (said.type() === "error" || said.type() === "warning") this.complaints.push(said.text());
    });
    page.on("request", (request) => this.requests.push(request.url()));
  }

  /** Opens an address. */
  static async at(url: string): Promise<OpenPage> {
    const window = await openWindow();
    const page = await window.newPage();
    page.setDefaultTimeout(20_000);
    const opened = new OpenPage(window, page);
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
    await this.#window[Symbol.asyncDispose]();
  }
}
