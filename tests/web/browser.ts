/**
 * A real browser, driven: Debian's Chromium, where there is one.
 *
 * @module
 */
import type { BrowserContextOptions, Page } from "playwright-core";
import { IN_BROWSER, launchBrowser } from "./chromium.ts";

/** The longest that a test waits for one thing on a page, in milliseconds. */
const WAIT_MS = 20_000;

/** Why no browser can be driven here; undefined where one can. What serves the pages runs on each of the runtimes all the same. */
export const NO_BROWSER: string | undefined = IN_BROWSER.skip;

/** A page, and what went wrong on it. */
export interface Tab {
  readonly page: Page;
  /** Errors of scripts and of the policy, dialogs, and requests to another host. */
  readonly wrongs: readonly string[];
}

/** Windows of a browser. Disposing closes the pages. */
export interface Driven extends AsyncDisposable {
  /** Opens a page as somebody who has never been there. */
  open(url: string, options?: BrowserContextOptions): Promise<Tab>;
}

/** Starts a browser of one's own. */
export async function startBrowser(): Promise<Driven> {
  const browser = await launchBrowser();
  return drive(
    async (options) => await (await browser.newContext(options)).newPage(),
    () => browser.close(),
  );
}

/** Drives a browser of which somebody opens and ends the pages. */
export function drive(
  newPage: (options?: BrowserContextOptions) => Promise<Page>,
  end: () => Promise<void>,
): Driven {
  return {
    async open(url, options) {
      const page = await newPage(options);
      page.setDefaultTimeout(WAIT_MS);
      const wrongs: string[] = [];
      page.on("pageerror", (error) => wrongs.push(String(error)));
      page.on("dialog", (dialog) => {
        wrongs.push(`dialog ${dialog.message()}`);
        void dialog.dismiss();
      });
      page.on("console", (message) => {
        // A connection that is refused while a server is gone is no fault of the page.
        if (message.type() === "error" && !message.text().includes("WebSocket")) wrongs.push(message.text());
      });
      page.on("request", (request) => {
        if (new URL(request.url()).host !== new URL(url).host) wrongs.push(`asks ${request.url()}`);
      });
      await page.goto(url);
      return { page, wrongs };
    },
    [Symbol.asyncDispose]: end,
  };
}

/** Makes an account on the page. @returns The server that it is connected to. */
export async function makeAccount(page: Page, name: string): Promise<string> {
  await page.getByRole("button", { name: "I have no account yet" }).click();
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Password").fill("a secret word");
  await page.getByRole("button", { name: "Make an account" }).click();
  return await serverOf(page);
}

/** Fills in the form and sends it. */
export async function logIn(page: Page, name: string, password: string): Promise<void> {
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
}

/** The server that a page says it is connected to, once it is. */
export async function serverOf(
  page: Page,
  isRight: (server: string) => boolean = () => true,
): Promise<string> {
  const link = page.locator(".link");
  for (let turn = 0; turn < 400; turn++) {
    const [, server = ""] = /^On (\S+)\./.exec((await link.textContent()) ?? "") ?? [];
    if (server !== "" && isRight(server)) return server;
    await page.waitForTimeout(50);
  }
  throw new Error(`the page says: ${await link.textContent()}`);
}

/** Opens a conversation with somebody by their name. */
export async function talkTo(page: Page, peer: string): Promise<void> {
  await page.getByLabel("A name, or #group").fill(peer);
  await page.getByRole("button", { name: "Talk", exact: true }).click();
  await page.getByRole("textbox", { name: `Message to ${peer}` }).waitFor();
}

/** Writes into the open conversation. */
export async function say(page: Page, peer: string, text: string): Promise<void> {
  await page.getByRole("textbox", { name: `Message to ${peer}` }).fill(text);
  await page.keyboard.press("Enter");
}

/** Waits until the open conversation shows as many messages. @returns Their texts. */
export async function shown(page: Page, count: number): Promise<string[]> {
  await page
    .locator(".bubble")
    .nth(count - 1)
    .waitFor();
  return await page.locator(".bubble").allTextContents();
}
