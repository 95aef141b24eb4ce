import { spawnSync } from "node:child_process";
import process from "node:process";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { sparkline } from "../../src/cli/sparkline.ts";
import { LOOKS, StatusHistory } from "../../src/cli/status_history.ts";
import { cutColored } from "../../src/cli/table.ts";
import { test } from "../testing.ts";
import { backendNamed, Desk } from "./desk.ts";
import { childrenOf, type Program, resize } from "./program.ts";

const hasScript = spawnSync("script", ["--version"]).stdout?.includes("util-linux") === true;
const OPTIONS = hasScript ? {} : { skip: "there is no `script` of util-linux to make a terminal" };

const ENV = { TERM: "xterm-256color", NO_COLOR: "" };
const LEFT = "\u001b[?7h\u001b[?25h\u001b[?1049l";

// biome-ignore lint/suspicious/noControlCharactersInRegex: what terminals are told begins with escape.
const ORDERS = /\u001b\[[?0-9;]*[A-Za-z]/g;

function many(count: number) {
  return Array.from({ length: count }, (_, index) =>
    backendNamed(`10.0.0.${index}:6000`, {
      connections: index,
      bytesIn: 5000,
      bytesOut: 1000,
      source: "registry",
    }),
  );
}

/** The pictures that were drawn, each as its lines without colors. */
function picturesOf({ stdout }: Program): string[][] {
  const [, ...pictures] = stdout.split("\u001b[H");
  return pictures
    .filter((picture) => picture.includes("\u001b[J"))
    .map((picture) => picture.split("\u001b[J")[0]?.replaceAll(ORDERS, "").split(/\r*\n/) ?? []);
}

/** The first whole picture that holds a text. */
function pictureWith(program: Program, text: string): Promise<string[]> {
  return program.until(`a picture with "${text}"`, () =>
    picturesOf(program).find((picture) => picture.some((line) => line.includes(text))),
  );
}

function assertFits(picture: readonly string[], columns: number, rows: number): void {
  assert(picture.length <= rows, `${picture.length} lines in a window of ${rows}`);
  for (const line of picture)
    assert(line.length <= columns, `${JSON.stringify(line)} in a window of ${columns}`);
}

test(
  "status --watch fills the window and no more, moves by keys, and q gives the terminal back",
  OPTIONS,
  async () => {
    await using desk = await Desk.open({ chat: many(100) });
    const window = { columns: 60, rows: 12 };
    await using program = desk.start(["status", "--watch"], { hasTerminal: true, env: ENV, window });
    const first = await pictureWith(program, "lines 1 to 10 of 103");
    assertFits(first, 60, 12);
    assertEquals(first.length, 12);
    program.type("\u001b[B");
    await program.says("lines 2 to 11 of 103");
    program.type("\u001b[6~");
    await program.says("lines 12 to 21 of 103");
    program.type("G");
    const last = await pictureWith(program, "lines 94 to 103 of 103");
    assertStringIncludes(last.join("\n"), "10.0.0.99:6000");
    program.type("q");
    assertEquals(await program.end(), 0);
    assert(program.stdout.endsWith(LEFT), JSON.stringify(program.stdout.slice(-80)));
  },
);

test("status --watch follows a window that gets another size, however small", OPTIONS, async () => {
  await using desk = await Desk.open({ chat: many(20) });
  const window = { columns: 100, rows: 30 };
  await using program = desk.start(["status", "--watch"], { hasTerminal: true, env: ENV, window });
  assertFits(await pictureWith(program, "10.0.0.19:6000"), 100, 30);
  await resize(program, { columns: 24, rows: 8 });
  assertFits(await pictureWith(program, "q quits, arrows move: li"), 24, 8);
  await resize(program, { columns: 5, rows: 1 });
  const smallest = await program.until("a picture of one line", () =>
    picturesOf(program).find(({ length }) => length === 1),
  );
  assertFits(smallest, 5, 1);
  program.type("q");
  assertEquals(await program.end(), 0);
});

test("status --watch draws what connections and bytes have done lately", OPTIONS, async () => {
  await using desk = await Desk.open({ chat: many(1) });
  const [backend] = desk.pools.get("chat") ?? [];
  assert(backend);
  backend.connections = 1;
  const window = { columns: 120, rows: 10 };
  await using program = desk.start(["status", "--watch"], { hasTerminal: true, env: ENV, window });
  await program.says("         █");
  backend.connections = 7;
  backend.bytesIn = 1_000_000;
  const row = (await pictureWith(program, "▂█ ")).find((line) => line.startsWith("10.0.0.0"));
  assertMatch(row ?? "", /^10\.0\.0\.0:6000 +up +0 +1 +7 {2,}[▁-█]*▂█ +\d+k +█/);
});

test(
  "status --watch under NO_COLOR has no colors, and gives the terminal back after a signal, too",
  OPTIONS,
  async () => {
    await using desk = await Desk.open({ chat: many(3) });
    const env = { ...ENV, NO_COLOR: "1" };
    await using program = desk.start(["status", "--watch"], { hasTerminal: true, env });
    await program.says("10.0.0.2:6000");
    const orders = program.stdout.match(ORDERS) ?? [];
    assertEquals(
      orders.filter((order) => order.endsWith("m")),
      [],
    );
    const [inside = 0] = await childrenOf(program.pid);
    process.kill(inside, "SIGTERM");
    assertEquals(await program.end(), 0);
    assert(program.stdout.endsWith(LEFT), JSON.stringify(program.stdout.slice(-80)));
  },
);

test("status --watch that ends by a mistake gives the terminal back before it says so", OPTIONS, async () => {
  await using desk = await Desk.open({ chat: many(1), web: many(1) });
  const args = ["status", "--watch", "--pool", "web"];
  await using program = desk.start(args, { hasTerminal: true, env: ENV });
  await program.says("10.0.0.0:6000");
  desk.pools.delete("web");
  assertEquals(await program.end(), 2);
  const [, after = ""] = program.stdout.split(LEFT);
  assertStringIncludes(after, 'there is no pool "web"');
});

test(
  "status --watch on a terminal that draws nothing over writes lines, as into a pipe",
  OPTIONS,
  async () => {
    await using desk = await Desk.open({ chat: many(1) });
    await using program = desk.start(["status", "--watch"], {
      hasTerminal: true,
      env: { ...ENV, TERM: "dumb" },
    });
    await program.says("chat 10.0.0.0:6000 up missed=0");
    program.type("\u0003");
    await program.end();
    assert(!program.stdout.includes("\u001b"), JSON.stringify(program.stdout));
  },
);

test("a sparkline is as wide as it is to be, and shows the last values by the largest", () => {
  assertEquals(sparkline([], 3), "   ");
  assertEquals(sparkline([0, 0], 4), "  ▁▁");
  assertEquals(sparkline([9, 0, 1, 7, 14], 4), "▁▂▅█");
});

test("the history of a status is that of the last looks at what is still there", () => {
  const history = new StatusHistory();
  const [one, two] = many(2);
  assert(one && two);
  const pool = { name: "p", policy: "random", dispatch: "splice" };
  for (let look = 0; look < 15; look++) {
    one.connections = look;
    one.bytesIn = 3000 * look;
    history.look([{ ...pool, backends: look === 14 ? [one] : [one, two] }], 1000 * look);
  }
  assertEquals(history.connectionsOf("p", one.name), [5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
  assertEquals(history.bytesPerSecondOf("p", one.name), Array(LOOKS).fill(3000));
  assertEquals(history.connectionsOf("p", two.name), []);
  one.bytesIn = 0;
  history.look([{ ...pool, backends: [one] }], 15_000);
  assertEquals(history.bytesPerSecondOf("p", one.name).at(-1), 0);
});

test("a colored line is cut by the characters that are seen, and its color ends", () => {
  assertEquals(cutColored("\u001b[31mred\u001b[39m and", 2), "\u001b[31mre\u001b[39m");
  assertEquals(cutColored("short", 9), "short");
});
