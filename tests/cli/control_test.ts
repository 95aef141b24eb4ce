import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { DrainView, FrontendView } from "../../src/admin/mod.ts";
import { add, drain, remove, setWeight, undrain } from "../../src/cli/control.ts";
import { StartError, UsageError } from "../../src/cli/errors.ts";
import type { Interruption } from "../../src/cli/process.ts";
import { status } from "../../src/cli/status.ts";
import { temporaryFolder } from "../helpers.ts";
import { test } from "../testing.ts";
import { backendNamed, Desk, NEVER } from "./desk.ts";
import { startProgram } from "./program.ts";

const [ONE, TWO] = ["10.0.0.1:6000", "10.0.0.2:6000"];

/** Runs a command that fails, in this process, and gives its sentence. A UsageError is exit code 2, a StartError 1. */
async function failure(
  open: Desk,
  command: (argv: readonly string[], interrupted: Interruption) => Promise<number>,
  args: readonly string[],
  kind: new (message: string) => Error,
): Promise<string> {
  const { message } = await assertRejects(() => command([...args, "--admin", open.address], NEVER), kind);
  return message;
}

function frontendNamed(name: string): FrontendView {
  const counts = { connections: 0, total: 0, refused: {} };
  return { name, address: "127.0.0.1:1", protocol: "tcp", pool: "chat", draining: false, ...counts };
}

function desk(): Promise<Desk> {
  return Desk.open({ chat: [backendNamed(ONE, { connections: 4 }), backendNamed(TWO)] });
}

test("drain, undrain and weight change a backend of the only pool and show it as it is then", async () => {
  await using open = await desk();
  assertEquals(await open.run(["drain", ONE, "--deadline", "30s"]), {
    code: 0,
    stdout: `chat ${ONE} draining missed=0 weight=1 connections=4 total=0 source=config\n`,
    stderr: "",
  });
  assertStringIncludes((await open.run(["undrain", ONE])).stdout, `chat ${ONE} up `);
  assertStringIncludes(
    (await open.run(["weight", ONE, "0.5"])).stdout,
    `chat ${ONE} up missed=0 weight=0.5 `,
  );
  assertEquals(open.told, [
    [ONE, 30_000],
    [ONE, undefined],
    [ONE, undefined],
  ]);
});

test("add and remove change who is in a pool", async () => {
  await using open = await desk();
  const added = await open.run(["add", "[::1]:6000", "--weight", "3", "--backup", "--max-connections", "9"]);
  const line = "chat [::1]:6000 up missed=0 weight=3 connections=0 total=0 source=admin backup max=9\n";
  assertEquals(added, { code: 0, stdout: line, stderr: "" });
  const again = await failure(open, add, ["[::1]:6000"], StartError);
  assertStringIncludes(again, "pool chat has [::1]:6000 already");
  const removed = await open.run(["remove", "[::1]:6000", "--deadline", "2s"]);
  assertEquals(removed, { code: 0, stdout: "chat [::1]:6000 removed\n", stderr: "" });
  assertEquals(open.told.at(-1), ["remove", "[::1]:6000", 2000]);
});

test("drain takes a whole pool or a frontend where no backend is named", async () => {
  await using open = await desk();
  const counts = { connections: 1, total: 2, refused: { denied: 3, draining: 4 } };
  open.frontends.push({ ...frontendNamed("web"), ...counts });
  const [pool, frontend] = await Promise.all([
    open.run(["drain", "--pool", "chat"]),
    open.run(["drain", "--frontend", "web"]),
  ]);
  assertEquals(pool.stdout, "pool chat draining backends=2 connections=4\n");
  assertEquals(
    frontend.stdout,
    "frontend web 127.0.0.1:1 draining pool=chat connections=1 total=2 refused=7\n",
  );
  assertStringIncludes((await open.run(["undrain", "--pool", "chat"])).stdout, "pool chat open");
});

test("a command about a backend finds the only pool that has it, whatever pools there are", async () => {
  await using open = await Desk.open({ chat: [backendNamed(ONE)], web: [backendNamed(TWO)] });
  assertStringIncludes((await open.run(["drain", TWO])).stdout, `web ${TWO} draining `);
  assertStringIncludes((await open.run(["weight", ONE, "2"])).stdout, `chat ${ONE} up `);
  const nowhere = 'there is no backend "10.0.0.9:1" in any of the pools chat, web';
  assertEquals(await failure(open, remove, ["10.0.0.9:1"], UsageError), nowhere);
});

test("a command without --pool ends with 2 and names the pools where several are meant, or none is", async () => {
  await using open = await Desk.open({ chat: [backendNamed(ONE)], web: [backendNamed(ONE)], games: [] });
  const several = `say which pool by --pool; ${ONE} is a backend of chat, web`;
  assertEquals(await failure(open, drain, [ONE], UsageError), several);
  const any = "say which pool by --pool; there are chat, web, games";
  assertEquals(await failure(open, add, [TWO], UsageError), any);
  const wrong = await failure(open, setWeight, [ONE, "2", "--pool", "gmes"], UsageError);
  assertEquals(wrong, '--pool: there is no pool "gmes"; there are chat, web, games');
  assertEquals(open.told, []);
  const { code, stdout, stderr } = await open.run(["weight", ONE, "2", "--pool", "web"]);
  assertEquals([code, stdout.slice(0, 9), stderr], [0, "web 10.0.", ""]);
});

test("a backend that is not there ends with 2 and names those that are", async () => {
  await using open = await desk();
  const words = `there is no backend of pool chat "10.0.0.9:1"; there are: ${ONE} and ${TWO}`;
  const { code, stdout, stderr } = await open.run(["drain", "10.0.0.9:1"]);
  assertEquals([code, stdout, stderr], [2, "", `chorus: ${words}\n`]);
  assertEquals(await failure(open, remove, ["10.0.0.9:1"], UsageError), words);
});

/** Mistakes that are found before anybody is asked, and words of their one sentence. */
type Name = "drain" | "undrain" | "weight" | "add" | "remove" | "status";

const MISTAKES: readonly (readonly [Name, readonly string[], string])[] = [
  ["drain", [], "say what: BACKEND, --pool NAME, --frontend NAME or --server"],
  ["drain", ["a:1", "--frontend", "f"], "--frontend stands alone"],
  ["drain", ["--server", "--frontend", "f"], "--frontend stands alone"],
  ["undrain", ["--server", "--pool", "p"], "--server stands alone"],
  ["drain", ["a:1", "b:1"], 'chorus drain takes [BACKEND], received "a:1" "b:1"'],
  ["drain", ["a:1", "--deadline", "5"], '--deadline: "5" is not a time'],
  ["undrain", [], "say what: BACKEND, --pool NAME or --server"],
  ["weight", ["a:1"], 'chorus weight takes BACKEND N, received "a:1"'],
  ["weight", ["a:1", "heavy"], '"heavy" is not a weight'],
  ["add", ["nowhere"], '"nowhere" is not an address'],
  ["drain", [""], '"" is no name of a backend; chorus status lists them'],
  ["undrain", [".", "--pool", "p"], '"." is no name of a backend; chorus status lists them'],
  ["weight", ["", "2"], '"" is no name of a backend; chorus status lists them'],
  ["remove", ["..", "--pool", "p"], '".." is no name of a backend; chorus status lists them'],
  ["drain", ["--frontend", ".."], '".." is no name of a frontend; chorus status lists them'],
  ["remove", [], "chorus remove takes BACKEND, received nothing"],
  ["status", ["x"], 'chorus status takes no argument, received "x"'],
  ["status", ["--admin", "none"], '--admin: "none" is not an address'],
  ["status", ["--token-file", "/nowhere/token"], "--token-file: cannot read /nowhere/token: ENOENT"],
];

test("every mistake on the command line is told in one sentence that says what is allowed, before anybody is asked", async () => {
  const commands = { drain, undrain, weight: setWeight, add, remove, status };
  for (const [command, args, words] of MISTAKES) {
    const error = await assertRejects(() => commands[command](args, NEVER), UsageError);
    assertStringIncludes(error.message, words);
    assertEquals(error.message.split("\n").length, 1, error.message);
  }
});

test("where nobody listens a command ends with 1 and one sentence that says where it looked", async () => {
  await using gone = await desk();
  const { address } = gone;
  await gone.close();
  await using program = startProgram(["drain", ONE, "--admin", address]);
  assertEquals([await program.end(), program.stdout], [1, ""]);
  assertStringIncludes(program.stderr, `Nothing answers at ${address}: does \`chorus up\``);
  assertEquals(program.stderr.trim().split("\n").length, 1, program.stderr);
});

test("a command shows the token of its file, and says whether it was the wrong one or none was given", async () => {
  using folder = temporaryFolder();
  const [right, wrong] = [join(folder.path, "right"), join(folder.path, "wrong")];
  writeFileSync(wrong, "not-the-token-of-the-server\n");
  chmodSync(wrong, 0o600);
  await using open = await Desk.open({ chat: [backendNamed(ONE)] }, right);
  const refused = await failure(open, setWeight, [ONE, "3", "--token-file", wrong], StartError);
  assertEquals(refused, `${open.address} refused the token: it is not the one that it was started with`);
  const missing = await failure(open, status, [], StartError);
  assertEquals(missing, `${open.address} asks for a token; give it by --token-file FILE`);
  assertEquals(open.told, []);
  const shown = await open.run(["weight", ONE, "2"], { env: { CHORUS_TOKEN_FILE: right } });
  assertEquals([shown.code, shown.stderr, open.told.length], [0, "", 1]);
});

test("drain --wait shows what is left whenever it changes, and ends when nothing is", async () => {
  await using open = await desk();
  const about = { kind: "backend", pool: "chat", name: ONE, total: 4, remainingMs: 9500 } as const;
  const leave = (left: number): void => {
    open.drains = [{ ...about, left } satisfies DrainView];
  };
  leave(4);
  await using program = open.start(["drain", ONE, "--wait"]);
  await program.says(`drain backend chat/${ONE} left=4 total=4 remaining=10s`);
  leave(1);
  await program.says("left=1 total=4");
  open.drains = [];
  assertEquals(await program.end(), 0);
  const [first, ...lines] = program.stdout.trim().split("\n");
  assertStringIncludes(first ?? "", "draining");
  assertEquals([lines.length, lines.at(-1)], [3, `drain backend chat/${ONE} done`]);
});

test("drain --wait that is interrupted ends with 130 and says that the drain goes on", async () => {
  await using open = await desk();
  open.drains = [{ kind: "backend", pool: "chat", name: ONE, total: 4, left: 4, remainingMs: 9500 }];
  await using program = open.start(["drain", ONE, "--wait"]);
  await program.says("left=4");
  program.signal("SIGINT");
  assertEquals([await program.end(), program.stderr], [130, "the drain goes on\n"]);
});

/** How to drain something, as what its drain is listed, and what it is called. */
type Drained = readonly [args: string[], about: Pick<DrainView, "kind" | "name" | "pool">, called: string];

const DRAINED: readonly Drained[] = [
  [[ONE], { kind: "backend", pool: "chat", name: ONE }, `backend chat/${ONE}`],
  [["--pool", "chat"], { kind: "pool", name: "chat" }, "pool chat"],
  [["--frontend", "web"], { kind: "frontend", name: "web" }, "frontend web"],
];

/** Whatever drains takes clients again. */
function enable(open: Desk): void {
  for (const one of open.pools.get("chat") ?? []) one.state = "up";
  for (const one of open.frontends) one.draining = false;
}

for (const [args, about, called] of DRAINED)
  test(`drain --wait ends with 1 when the drain of a ${about.kind} is called off`, async () => {
    await using open = await desk();
    open.frontends.push(frontendNamed("web"));
    open.drains = [{ ...about, total: 4, left: 4, remainingMs: 9500 }];
    await using program = open.start(["drain", ...args, "--wait"]);
    await program.says(`drain ${called} left=4`);
    enable(open);
    open.drains = [];
    assertEquals([await program.end(), program.stderr], [1, `the drain of ${called} was called off\n`]);
    assert(!program.stdout.includes("done"), program.stdout);
  });

test("remove --wait ends with 0 when the backend is gone, and so is its pool", async () => {
  await using open = await desk();
  open.drains = [{ kind: "backend", pool: "chat", name: ONE, total: 4, left: 4, remainingMs: 9500 }];
  await using program = open.start(["remove", ONE, "--wait"]);
  await program.says("left=4");
  open.pools.clear();
  open.drains = [];
  assertEquals([await program.end(), program.stderr], [0, ""]);
});
