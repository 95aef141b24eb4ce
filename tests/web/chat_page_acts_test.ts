import { assertEquals } from "@std/assert";
import type { Page } from "playwright-core";
import { RawClient, toAddress } from "../helpers.ts";
import { test } from "../testing.ts";
import { logIn, makeAccount, NO_BROWSER, say, serverOf, shown } from "./browser.ts";
import { startUp } from "./chat_cluster.ts";
import { takeBrowser } from "./windows.ts";

const SKIP = { skip: NO_BROWSER, timeoutMs: 90_000 };
const PASSWORD = "a secret word";

/** What has the focus, as it is named. */
function focused(page: Page): Promise<string> {
  return page.evaluate(() => {
    const { activeElement: element } = document;
    return `${element?.tagName} ${element?.getAttribute("aria-label") ?? element?.textContent ?? ""}`.trim();
  });
}

/** Fills in the change of a password and sends it. */
async function changePassword(page: Page, old: string, changed: string, again = changed): Promise<void> {
  await page.getByLabel("Password now").fill(old);
  await page.getByLabel("New password", { exact: true }).fill(changed);
  await page.getByLabel("New password, once more").fill(again);
  await page.getByRole("button", { name: "Change password" }).click();
}

/** Opens what can be done with the group that is talked in. */
async function openGroup(page: Page, group: string): Promise<ReturnType<Page["getByRole"]>> {
  await page.getByRole("button", { name: `Members of ${group}` }).click();
  const dialog = page.getByRole("dialog", { name: group, exact: true });
  await dialog.waitFor();
  return dialog;
}

test(
  "a password is changed once the old one is right, other logins are over, and this one goes on in every tab",
  SKIP,
  async () => {
    await using cluster = await startUp("node");
    await using browser = await takeBrowser();
    // A window of its own: both of its tabs end with it.
    const { page, wrongs } = await browser.open(cluster.url, {});
    await makeAccount(page, "ada");
    const second = await page.context().newPage();
    await second.goto(cluster.url);
    await serverOf(second);
    // One behind another draws once a second.
    await page.bringToFront();
    await using other = await RawClient.connect(toAddress(cluster.tcp));
    await other.ask({ type: "login", name: "ada", password: PASSWORD, device: "phone" });
    const account = page.getByRole("button", { name: "ada: your account" });
    await account.focus();
    await page.keyboard.press("Enter");
    await changePassword(page, PASSWORD, "new words", "other words");
    await page.getByRole("alert").filter({ hasText: "The two new passwords are not the same." }).waitFor();
    await changePassword(page, "wrong", "new words");
    await page
      .getByRole("alert")
      .filter({ hasText: "This is not the password that you have now." })
      .waitFor();
    assertEquals((await other.ask({ type: "friend.list" })).type, "ok");
    await changePassword(page, PASSWORD, "new words");
    await page.getByRole("status").filter({ hasText: "The password is changed." }).waitFor();
    assertEquals((await other.next("closing")).reason, "operator");
    assertEquals(await focused(page), "BUTTON Close");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    assertEquals(await focused(page), "BUTTON ada: your account");
    // The other tab was put out, and goes on with the login that this one has left.
    await second.getByRole("button", { name: "ada: your account" }).click();
    await second.getByRole("dialog", { name: "Your account, ada" }).waitFor();
    for (const one of [page, second]) {
      await one.reload();
      await serverOf(one);
    }
    await using phone = await RawClient.connect(toAddress(cluster.tcp));
    await phone.ask({ type: "login", name: "ada", password: "new words", device: "phone" });
    await phone.ask({ type: "logout", all: true });
    for (const one of [page, second])
      await one.getByText("You have been logged out. Log in again.").waitFor();
    await logIn(page, "ada", PASSWORD);
    await page.getByText("The name or the password is wrong.").waitFor();
    await logIn(page, "ada", "new words");
    for (const one of [page, second]) await serverOf(one);
    assertEquals(wrongs, []);
  },
);

test(
  "an owner invites, removes after being asked, and deletes; whoever is out is told and cannot write",
  SKIP,
  async () => {
    await using cluster = await startUp("node");
    await using carol = await RawClient.login(toAddress(cluster.tcp), "carol");
    await using browser = await takeBrowser();
    const ada = await browser.open(cluster.url);
    const bob = await browser.open(cluster.url);
    await makeAccount(ada.page, "ada");
    await makeAccount(bob.page, "bob");
    await ada.page.getByLabel("A name, or #group").fill("#crew");
    await ada.page.getByRole("button", { name: "New group" }).click();
    const dialog = await openGroup(ada.page, "#crew");
    for (const name of ["nobody-of-this", "bob", "carol"]) {
      await dialog.getByLabel("Whom to invite").fill(name);
      await ada.page.keyboard.press("Enter");
      if (name === "nobody-of-this")
        await dialog.getByRole("alert").filter({ hasText: "nobody of this name" }).waitFor();
      else
        await dialog
          .getByRole("status")
          .filter({ hasText: `${name} is invited.` })
          .waitFor();
    }
    await bob.page.getByRole("button", { name: /^Accept.*ada invites you to #crew$/ }).click();
    await carol.ask({ type: "group.join", group: "#crew" });
    await bob.page.getByRole("button", { name: /^#crew/ }).click();
    await say(bob.page, "#crew", "ahoy");
    await dialog.getByRole("heading", { name: "3 members" }).waitFor();
    const bobDialog = await openGroup(bob.page, "#crew");
    await bobDialog.getByRole("heading", { name: "3 members" }).waitFor();
    // Who does not own it may leave, and nothing else.
    assertEquals(await bobDialog.getByRole("button", { name: /Remove|Delete/ }).count(), 0);
    await bob.page.keyboard.press("Escape");

    const remove = dialog.getByRole("button", { name: "Remove bob" });
    const question = ada.page.getByRole("dialog", { name: "Remove bob from #crew?" });
    await remove.press("Enter");
    await question.waitFor();
    assertEquals(await focused(ada.page), "BUTTON Cancel");
    await ada.page.keyboard.press("Escape");
    await question.waitFor({ state: "detached" });
    assertEquals(await focused(ada.page), "BUTTON Remove bob");
    await dialog.getByRole("heading", { name: "3 members" }).waitFor();
    await ada.page.keyboard.press("Enter");
    await question.waitFor();
    await ada.page.keyboard.press("Tab");
    await ada.page.keyboard.press("Enter");
    await dialog.getByRole("heading", { name: "2 members" }).waitFor();
    await question.waitFor({ state: "detached" });
    assertEquals(await focused(ada.page), "H2 #crew");
    await bob.page.getByText("You are not in this group.").waitFor();
    assertEquals(await bob.page.getByRole("textbox", { name: "Message to #crew" }).count(), 0);

    await dialog.getByRole("button", { name: "Delete group" }).click();
    await ada.page
      .getByRole("dialog", { name: "Delete #crew?" })
      .getByRole("button", { name: "Delete" })
      .click();
    await ada.page.getByRole("dialog").first().waitFor({ state: "detached" });
    await ada.page.getByRole("button", { name: /^#crew/ }).waitFor({ state: "detached" });
    assertEquals(
      (await carol.until("the end", () => carol.frames.find(({ event }) => event === "deleted")))?.name,
      "ada",
    );
    assertEquals([ada.wrongs, bob.wrongs], [[], []]);
  },
);

test(
  "on a phone, by keyboard, one leaves a group only when one has said so, and is led back to the list",
  SKIP,
  async () => {
    await using cluster = await startUp("node");
    await using ada = await RawClient.login(toAddress(cluster.tcp), "ada");
    await ada.ask({ type: "group.create", group: "#crew", mode: "open" });
    await using browser = await takeBrowser();
    const phone = {
      viewport: { width: 360, height: 640 },
      isMobile: true,
      hasTouch: true,
      colorScheme: "dark",
    } as const;
    const { page, wrongs } = await browser.open(cluster.url, phone);
    await makeAccount(page, "bob");
    await page.getByLabel("A name, or #group").fill("#crew");
    await page.getByRole("button", { name: "Join" }).click();
    await say(page, "#crew", "<b>hello</b>");
    assertEquals(await shown(page, 1), ["<b>hello</b>"]);
    const dialog = await openGroup(page, "#crew");
    await dialog.getByRole("heading", { name: "2 members" }).waitFor();
    const width = await page.evaluate(() => [
      document.documentElement.scrollWidth,
      document.querySelector("dialog")?.scrollWidth === document.querySelector("dialog")?.clientWidth,
    ]);
    assertEquals(width, [360, true]);
    await dialog.getByRole("button", { name: "Leave group" }).press("Enter");
    await page.getByRole("dialog", { name: "Leave #crew?" }).waitFor();
    await page.keyboard.press("Enter");
    await page.getByRole("dialog", { name: "Leave #crew?" }).waitFor({ state: "detached" });
    assertEquals(
      ada.frames.filter(({ event }) => event === "left"),
      [],
    );
    await page.keyboard.press("Enter");
    await page.getByRole("dialog", { name: "Leave #crew?" }).waitFor();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    assertEquals(
      (await ada.until("that he left", () => ada.frames.find(({ event }) => event === "left"))).name,
      "bob",
    );
    await page.getByRole("navigation").waitFor();
    await page.getByRole("button", { name: /^#crew/ }).waitFor({ state: "detached" });
    assertEquals(await focused(page), "NAV Conversations, friends and groups");
    await page.getByRole("status").filter({ hasText: "You have left #crew." }).waitFor({ state: "attached" });
    assertEquals(wrongs, []);
  },
);

test(
  "the owner who leaves is told who owns it then, and the last member that the group is lost",
  SKIP,
  async () => {
    await using cluster = await startUp("node");
    await using bob = await RawClient.login(toAddress(cluster.tcp), "bob");
    await using browser = await takeBrowser();
    const { page } = await browser.open(cluster.url);
    await makeAccount(page, "ada");
    await page.getByLabel("A name, or #group").fill("#crew");
    await page.getByRole("button", { name: "New group" }).click();
    const dialog = await openGroup(page, "#crew");
    await dialog.getByRole("heading", { name: "1 member" }).waitFor();
    await dialog.getByRole("button", { name: "Leave group" }).click();
    await page.getByText("You are its last member").waitFor();
    await page.keyboard.press("Escape");
    await dialog.getByLabel("Whom to invite").fill("bob");
    await page.keyboard.press("Enter");
    await dialog.getByText("bob is invited.").waitFor();
    await bob.ask({ type: "group.join", group: "#crew" });
    await dialog.getByRole("heading", { name: "2 members" }).waitFor();
    await dialog.getByRole("button", { name: "Leave group" }).click();
    await page.getByText("Whoever has been there the longest owns it then.").waitFor();
    await page.getByRole("button", { name: "Leave", exact: true }).click();
    await bob.until("that she left", () => bob.frames.find(({ event }) => event === "left"));
    const { members } = await bob.ask({ type: "group.members", group: "#crew" });
    assertEquals(
      (members as { name: string; owner: boolean }[]).map(({ name, owner }) => [name, owner]),
      [["bob", true]],
    );
  },
);
