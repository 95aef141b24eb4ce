import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { assertEquals } from "@std/assert";
import { balance } from "../src/cli/balance.ts";
import { chat } from "../src/cli/chat.ts";
import { client } from "../src/cli/client.ts";
import { connections } from "../src/cli/connections.ts";
import { add, drain, remove, setWeight, undrain } from "../src/cli/control.ts";
import { echo } from "../src/cli/echo.ts";
import type { Interruption } from "../src/cli/process.ts";
import { announce, kick, sessions } from "../src/cli/sessions.ts";
import { status } from "../src/cli/status.ts";
import { up } from "../src/cli/up.ts";
import { NEVER } from "./cli/desk.ts";
import { ROOT } from "./cli/program.ts";
import { test } from "./testing.ts";

type Run = (argv: readonly string[], interrupted: Interruption) => Promise<number>;

const SERVING: Readonly<Record<string, Run>> = { up, chat, balance, client, echo };
const ASKING: Readonly<Record<string, Run>> = {
  status,
  connections,
  drain,
  undrain,
  weight: setWeight,
  add,
  remove,
};
const COMMANDS = { ...SERVING, ...ASKING, sessions, kick, announce };

const PAGES = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "bench/README.md"].concat(
  readdirSync(join(ROOT, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
);

/** What a command says with `--help`, which it shows on standard output and does nothing else. */
async function helpOf(run: Run): Promise<string> {
  const write = process.stdout.write;
  let said = "";
  process.stdout.write = (chunk: unknown, ...[written]: unknown[]): boolean => {
    said += String(chunk);
    if (typeof written === "function") written();
    return true;
  };
  try {
    await run(["--help"], NEVER);
  } finally {
    process.stdout.write = write;
  }
  return said;
}

function read(page: string): string {
  return readFileSync(join(ROOT, page), "utf8");
}

/** The headings of a page, as links name them. */
function anchorsOf(page: string): string[] {
  return Array.from(read(page).matchAll(/^#+ (.+)$/gm), ([, title = ""]) =>
    title
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, "")
      .replaceAll(" ", "-"),
  );
}

/** Whether a link of a page leads to a file, and to a heading of it where it names one. */
function leadsSomewhere(page: string, link: string): boolean {
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? page : join(dirname(page), path);
  if (!existsSync(join(ROOT, target))) return false;
  return anchor === undefined || anchorsOf(target).includes(anchor);
}

test("docs/commands.md names every command, and every flag that its help has", async () => {
  const document = read("docs/commands.md");
  const missing: string[] = [];
  for (const [command, run] of Object.entries(COMMANDS)) {
    if (!new RegExp(`\`(?:chorus )?\\[?${command}\\b`).test(document)) missing.push(command);
    for (const [, flag = ""] of (await helpOf(run)).matchAll(/^ {2}(--[a-z-]+)/gm))
      if (!new RegExp(`\`${flag}\\b(?!-)`).test(document)) missing.push(`${command} ${flag}`);
  }
  assertEquals(missing, []);
});

test("docs/commands.md names no flag that no command has", async () => {
  const helps = await Array.fromAsync(Object.values(COMMANDS), helpOf);
  const flags = new Set(helps.flatMap((help) => Array.from(help.matchAll(/--[a-z-]+/g), String)));
  const named = Array.from(read("docs/commands.md").matchAll(/`(--[a-z-]+)/g), ([, flag = ""]) => flag);
  assertEquals(
    named.filter((flag) => !flags.has(flag)),
    [],
  );
});

test("every link of the documents to a file, or to a heading, leads there", () => {
  const broken = PAGES.flatMap((page) =>
    Array.from(read(page).matchAll(/\]\(([^)\s]+)\)/g), ([, link = ""]) => link)
      .filter((link) => !/^https?:/.test(link) && !leadsSomewhere(page, link))
      .map((link) => `${page}: ${link}`),
  );
  assertEquals(broken, []);
});

test("every test that the documents name is there", () => {
  const named = PAGES.flatMap((page) =>
    Array.from(read(page).matchAll(/`(tests\/[\w/]+\.ts)`/g), ([, file = ""]) => file),
  );
  assertEquals(
    named.filter((file) => !existsSync(join(ROOT, file))),
    [],
  );
});
