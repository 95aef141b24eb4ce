/**
 * Takes the pictures of the documents: the pages of a real `up`, with people who do not exist, in Debian's Chromium.
 *
 *     npm run pictures
 *
 * @module
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import type { BrowserContextOptions, Page } from "playwright-core";
import { type ChatClient, connectChat, systemDriver, tcpDial } from "../../mod.ts";
import { wait } from "../../src/async/mod.ts";
import { ROOT, startProgram } from "../cli/program.ts";
import { toAddress } from "../helpers.ts";
import { logIn, NO_BROWSER, shown, startBrowser } from "./browser.ts";

/** Where the pictures are. */
const FOLDER = join(ROOT, "docs", "pictures");
/** The most bytes of one. */
const MAX_BYTES = 150_000;
const PASSWORD = "a secret word";
/** For so long there is something to see on the charts of the dashboard, in milliseconds. */
const TRAFFIC_MS = 45_000;

const WIDE: BrowserContextOptions = { viewport: { width: 1000, height: 660 } };
const PHONE: BrowserContextOptions = {
  viewport: { width: 390, height: 720 },
  deviceScaleFactor: 1.5,
  isMobile: true,
  hasTouch: true,
};

/** What is said in the conversation that the pictures show. */
const TALK: readonly (readonly ["ada" | "ben", string])[] = [
  ["ben", "Is the new balancer in front of the games already?"],
  ["ada", "Since this morning. One of the servers is drained just now."],
  ["ben", "I noticed nothing. Was I moved?"],
  ["ada", "Twice. Your client came back by itself and went on from its place."],
  ["ben", "Nothing was lost, and nothing came twice."],
  ["ada", "That is the promise."],
];

/** Makes an account and connects to it. */
async function connect(tcp: string, name: string): Promise<ChatClient> {
  const dial = tcpDial(systemDriver(), [toAddress(tcp)]);
  // The server of the login may be any; the account is in the store that they share.
  await register(tcp, name);
  return await connectChat({ dial, credentials: { name, password: PASSWORD }, device: `laptop of ${name}` });
}

async function register(tcp: string, name: string): Promise<void> {
  const answered = Promise.withResolvers<void>();
  const connection = await systemDriver().connect(toAddress(tcp), {
    data: () => answered.resolve(),
    end: () => undefined,
    close: () => answered.reject(new Error(`Cannot register ${name}: the connection was closed`)),
  });
  const frame = { type: "register", id: "1", name, password: PASSWORD };
  connection.write(new TextEncoder().encode(`${JSON.stringify(frame)}\n`));
  await answered.promise;
  connection.abort();
}

/** Friends, a group and conversations for the page of ada. */
async function tell(ada: ChatClient, ben: ChatClient, cleo: ChatClient): Promise<void> {
  for (const friend of [ben, cleo]) {
    await ada.friends.request(friend.user);
    await friend.friends.accept(ada.user);
  }
  await ada.groups.create("#tea", "open");
  for (const member of [ben, cleo]) await member.groups.join("#tea");
  await cleo.send("#tea", "Green or black?");
  await ben.send("#tea", "Black, please.");
  await cleo.send("ada", "See you at four.");
  for (const [name, text] of TALK)
    await (name === "ada" ? ada : ben).send(name === "ada" ? "ben" : "ada", text);
}

/** Shows the conversation with ben, as he and ada see it now. */
async function openTalk(page: Page): Promise<void> {
  await logIn(page, "ada", PASSWORD);
  await page
    .getByRole("button", { name: /^ben\b/ })
    .first()
    .click();
  await shown(page, TALK.length);
}

/** Writes to each other at random until aborted. */
async function chatter(people: readonly ChatClient[], signal: AbortSignal): Promise<void> {
  for (let turn = 0; !signal.aborted; turn++) {
    const from = people[turn % people.length];
    const to = people[(turn * 7 + 3) % people.length];
    if (from && to && from !== to) await from.send(to.user, `number ${turn}`);
    // Now more, now less.
    await wait(15 + 12 * Math.sin(turn / 150) + 20 * Math.random());
  }
}

async function take(page: Page, name: string): Promise<void> {
  const path = join(FOLDER, `${name}.png`);
  await page.screenshot({ path, animations: "disabled", caret: "hide" });
  const { size } = statSync(path);
  if (size > MAX_BYTES) throw new Error(`${path} has ${size} bytes, at most ${MAX_BYTES} are wanted`);
  process.stdout.write(`${path} ${size} bytes\n`);
}

if (NO_BROWSER !== undefined) throw new Error(`Cannot take pictures: ${NO_BROWSER}`);
const where = ["--listen", "127.0.0.1:0", "--web", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
await using up = startProgram([
  "up",
  ...where,
  "--data",
  ":memory:",
  "--dispatch",
  "splice",
  "--grace",
  "300ms",
]);
const { tcp = "", web = "", admin = "" } = await up.ready();
await using browser = await startBrowser();
await using opened = new AsyncDisposableStack();
const enter = async (name: string): Promise<ChatClient> => opened.use(await connect(tcp, name));

const [ada, ben, cleo] = [await enter("ada"), await enter("ben"), await enter("cleo")];
await tell(ada, ben, cleo);
for (const scheme of ["light", "dark"] as const) {
  const { page } = await browser.open(`http://${web}/`, { ...WIDE, colorScheme: scheme });
  await openTalk(page);
  await take(page, `chat_${scheme}`);
}
const phone = await browser.open(`http://${web}/`, { ...PHONE, colorScheme: "light" });
await openTalk(phone.page);
await take(phone.page, "chat_phone");

const people = [ben, cleo];
for (let number = 1; number <= 22; number++) people.push(await enter(`guest-${number}`));
const traffic = new AbortController();
const { page: dashboard } = await browser.open(`http://${admin}/`, {
  viewport: { width: 1200, height: 980 },
});
const talking = chatter(people, traffic.signal);
await wait(TRAFFIC_MS);
await take(dashboard, "dashboard");
traffic.abort();
await talking;
