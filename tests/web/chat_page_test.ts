import { readFileSync } from "node:fs";
import process from "node:process";
import { assert, assertEquals } from "@std/assert";
import { formatAddress } from "../../src/net/mod.ts";
import { childrenOf, type Program, type RuntimeName } from "../cli/program.ts";
import { faultProxy } from "../fault_proxy.ts";
import { RawClient, toAddress } from "../helpers.ts";
import { test } from "../testing.ts";
import { logIn, makeAccount, NO_BROWSER, say, serverOf, shown, talkTo } from "./browser.ts";
import { startUp } from "./chat_cluster.ts";
import { takeBrowser } from "./windows.ts";

const RUNTIMES: readonly RuntimeName[] = ["node", "bun", "deno"];
const SKIP = { skip: NO_BROWSER, timeoutMs: 90_000 };

/** Kills the process of a server of `up` by its id. */
async function killServer({ pid }: Program, id: string): Promise<void> {
  for (const child of await childrenOf(pid)) {
    const words = readFileSync(`/proc/${child}/cmdline`, "utf8").split("\0");
    if (words[words.indexOf("--id") + 1] === id) {
      process.kill(child, "SIGKILL");
      return;
    }
  }
  throw new Error(`there is no process of ${id}`);
}

const numbers = (first: number, last: number): string[] =>
  Array.from({ length: last - first + 1 }, (_, index) => `${first + index}`);

for (const runtime of RUNTIMES) {
  test(
    `two browsers chat across servers of ${runtime}, see that it was read, and what they type stays text`,
    SKIP,
    async () => {
      await using cluster = await startUp(runtime);
      await using browser = takeBrowser();
      const ada = await browser.open(cluster.url);
      const bob = await browser.open(cluster.url);
      const servers = [await makeAccount(ada.page, "ada"), await makeAccount(bob.page, "bob")];
      assert(servers[0] !== servers[1], `both are on ${servers[0]}`);
      const texts = [
        "hello",
        "<script>alert(1)</script><img src=x onerror=alert(2)>",
        "{{alert(3)}} &lt;b&gt; \u202e \n two lines",
      ];
      await talkTo(ada.page, "bob");
      for (const text of texts) await say(ada.page, "bob", text);
      await bob.page.getByRole("button", { name: /ada.*3 unread/ }).click();
      assertEquals(await shown(bob.page, 3), texts);
      assertEquals(await bob.page.locator(".lines script, .lines img, .lines b").count(), 0);
      await ada.page.getByText("Read", { exact: true }).waitFor();
      await say(bob.page, "ada", "back");
      assertEquals((await shown(ada.page, 4)).at(-1), "back");
      assertEquals([ada.wrongs, bob.wrongs], [[], []]);
    },
  );

  test(
    `when the server of one is killed on ${runtime}, the conversation goes on with nothing lost`,
    SKIP,
    async () => {
      await using cluster = await startUp(runtime);
      await using browser = takeBrowser();
      const ada = await browser.open(cluster.url);
      const bob = await browser.open(cluster.url);
      const server = await makeAccount(ada.page, "ada");
      await makeAccount(bob.page, "bob");
      await talkTo(ada.page, "bob");
      await talkTo(bob.page, "ada");
      const texts: string[] = [];
      const sayNext = async (page = ada.page, peer = "bob"): Promise<void> => {
        texts.push(`message ${texts.length}`);
        await say(page, peer, texts.at(-1) ?? "");
      };
      for (let count = 0; count < 5; count++) await sayNext();
      await shown(bob.page, 5);
      await killServer(cluster.program, server);
      for (let count = 0; count < 10; count++) await sayNext();
      await serverOf(ada.page, (now) => now !== server);
      await shown(bob.page, 15);
      await sayNext(bob.page, "ada");
      for (const { page, wrongs } of [ada, bob]) assertEquals([await shown(page, 16), wrongs], [texts, []]);
      await ada.page.getByRole("status").filter({ hasText: "message 15" }).waitFor({ state: "attached" });
    },
  );
}

test(
  "on a phone, by keyboard: history comes while one scrolls up, Escape leads back, a reload stays logged in",
  SKIP,
  async () => {
    await using cluster = await startUp("node");
    await using carl = await RawClient.login(toAddress(cluster.tcp), "carl");
    await using other = await RawClient.login(toAddress(cluster.tcp), "dora", { device: "other" });
    for (let count = 1; count <= 130; count++) await carl.ask({ type: "send", to: "dora", text: `${count}` });
    // Another device has them: they do not come again, and are to be loaded from history.
    await other.hasMessages(130);
    other.tell({ type: "ack", inbox: 130 });
    await other.ask({ type: "ping" });
    await using browser = takeBrowser();
    const phone = {
      viewport: { width: 390, height: 700 },
      isMobile: true,
      hasTouch: true,
      colorScheme: "dark",
    } as const;
    const { page, wrongs } = await browser.open(cluster.url, phone);
    await logIn(page, "dora", "secret");
    await page.getByRole("button", { name: /carl.*130 unread/ }).waitFor();
    await page.reload();
    const button = page.getByRole("button", { name: /carl.*130 unread/ });
    await button.focus();
    await page.keyboard.press("Enter");
    assertEquals(await shown(page, 50), numbers(81, 130));
    assertEquals(await page.getByRole("navigation").isVisible(), false);
    const region = page.getByRole("region", { name: "Messages" });
    await region.focus();
    for (const count of [100, 130]) {
      // A key would scroll smoothly, and still do when it is looked where one is.
      await region.evaluate((box) => box.scrollTo({ top: 0, behavior: "instant" }));
      await shown(page, count);
    }
    const texts = await shown(page, 130);
    assertEquals(texts, numbers(1, 130));
    // Who has scrolled up stays where they are when something comes.
    const before = await region.evaluate((box) => {
      box.scrollTo({ top: 1000, behavior: "instant" });
      return box.scrollTop;
    });
    await carl.ask({ type: "send", to: "dora", text: "131" });
    await shown(page, 131);
    assertEquals(await region.evaluate((box) => box.scrollTop), before);
    const width = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assertEquals(width, [390, 390]);
    await page.getByRole("textbox", { name: "Message to carl" }).focus();
    await page.keyboard.press("Escape");
    await page.getByRole("navigation").waitFor();
    assertEquals(wrongs, []);
  },
);

test("a login form says what is wrong, and who logs out is out after a reload, too", SKIP, async () => {
  await using cluster = await startUp("node");
  await using browser = takeBrowser();
  const { page } = await browser.open(cluster.url);
  await logIn(page, "nobody", "x");
  await page.getByText("The name or the password is wrong.").waitFor();
  await makeAccount(page, "ada");
  await page.getByRole("button", { name: "Log out" }).click();
  await page.getByRole("button", { name: "Log in" }).waitFor();
  await page.reload();
  await page.getByRole("button", { name: "Log in" }).waitFor();
});

test("who logs out in one tab is out in the other tabs, too, and nobody else is", SKIP, async () => {
  await using cluster = await startUp("node");
  await using browser = takeBrowser();
  // A window of its own: all of its tabs end with it.
  const { page, wrongs } = await browser.open(cluster.url, {});
  await makeAccount(page, "ada");
  const second = await page.context().newPage();
  const other = await page.context().newPage();
  await second.goto(cluster.url);
  await serverOf(second);
  await other.goto(cluster.url);
  await serverOf(other);
  await other.getByRole("button", { name: "Log out" }).click();
  for (const one of [page, second, other]) await one.getByRole("button", { name: "Log in" }).waitFor();
  await logIn(second, "ada", "a secret word");
  await serverOf(second);
  await makeAccount(other, "bob");
  await second.getByRole("button", { name: "Log out" }).click();
  await second.getByRole("button", { name: "Log in" }).waitFor();
  await other.reload();
  await serverOf(other);
  await other.getByRole("button", { name: "bob: your account" }).waitFor();
  assertEquals(wrongs, []);
});

test(
  "who asks for somebody while nothing comes is told at once that it waits, and of the outage only while it lasts",
  SKIP,
  async () => {
    await using cluster = await startUp("node");
    await using proxy = await faultProxy(toAddress(new URL(cluster.url).host));
    await using ben = await RawClient.login(toAddress(cluster.tcp), "ben");
    await using browser = takeBrowser();
    const { page } = await browser.open(`http://${formatAddress(proxy.address)}/`);
    await makeAccount(page, "ada");
    proxy.stall();
    await page.getByLabel("A name, or #group").fill("ben");
    await page.getByRole("button", { name: "Talk" }).click();
    await page.getByRole("status").filter({ hasText: "Waiting for the server …" }).waitFor();
    proxy.cut();
    const outage = page.getByRole("alert").filter({ hasText: "There is no connection now." });
    await outage.waitFor();
    assertEquals(await page.getByText("Waiting for the server …").count(), 0);
    proxy.flow();
    await serverOf(page);
    await outage.waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Talk" }).click();
    await say(page, "ben", "there you are");
    assertEquals((await ben.next("message")).text, "there you are");
  },
);
