import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { connections } from "../../src/cli/connections.ts";
import { UsageError } from "../../src/cli/errors.ts";
import { status } from "../../src/cli/status.ts";
import { test } from "../testing.ts";
import { backendNamed, Desk, NEVER } from "./desk.ts";

const [ONE, TWO] = ["10.0.0.1:6000", "10.0.0.2:6000"];

function pools() {
  return {
    chat: [
      backendNamed(ONE, { connections: 4, total: 17, stateMs: 65_000, bytesIn: 1234, bytesOut: 56_700_000 }),
      backendNamed(TWO, { state: "down", missed: 3, lastError: "connect refused", backup: true }),
    ],
    web: [backendNamed("10.0.0.3:80")],
  };
}

const LINES = [
  `chat ${ONE} up missed=0 weight=1 connections=4 total=17 source=config`,
  `chat ${TWO} down missed=3 weight=1 connections=0 total=0 source=config backup error="connect refused"`,
  "web 10.0.0.3:80 up missed=0 weight=1 connections=0 total=0 source=config",
];

test("status, piped, is one line a backend without colors, and --pool shows one pool alone", async () => {
  await using desk = await Desk.open(pools());
  const [all, one] = await Promise.all([desk.run(["status"]), desk.run(["status", "--pool", "web"])]);
  const first = `balance ${desk.address} healthy`;
  assertEquals(all, { code: 0, stdout: `${[first, ...LINES].join("\n")}\n`, stderr: "" });
  assertEquals(one.stdout, `${first}\n${LINES[2]}\n`);
  const asked = status(["--pool", "games", "--admin", desk.address], NEVER);
  const { message } = await assertRejects(() => asked, UsageError);
  assertEquals(message, '--pool: there is no pool "games"; there are chat, web');
});

test("status --json is one object with everything that the balancer says", async () => {
  await using desk = await Desk.open(pools());
  desk.drains = [{ kind: "pool", name: "web", total: 9, left: 3, remainingMs: 1000 }];
  const { code, stdout } = await desk.run(["status", "--json"]);
  assertEquals([code, stdout.trim().split("\n").length], [0, 1]);
  const found = JSON.parse(stdout);
  assertEquals(Object.keys(found), ["health", "pools", "frontends", "drains"]);
  assertEquals(found.pools[0].backends, JSON.parse(JSON.stringify(pools().chat)));
  assertEquals(found.drains, desk.drains);
});

test("status on a terminal is a table that fits, colored unless NO_COLOR says otherwise", async () => {
  await using desk = await Desk.open(pools());
  const env = { NO_COLOR: "", TERM: "xterm-256color" };
  const [colored, plain] = await Promise.all([
    desk.run(["status"], { hasTerminal: true, env }),
    desk.run(["status"], { hasTerminal: true, env: { ...env, NO_COLOR: "1" } }),
  ]);
  assertStringIncludes(colored.stdout, "\u001b[31mdown");
  assert(!plain.stdout.includes("\u001b["), JSON.stringify(plain.stdout));
  const lines = plain.stdout.replaceAll("\r", "").trimEnd().split("\n");
  assertEquals(lines.slice(0, 3), [
    `balance at ${desk.address}: healthy`,
    "",
    "pool chat: round-robin, splice, 4 connections",
  ]);
  assertMatch(lines[3] ?? "", /^BACKEND +STATE +FOR +MISSED +WEIGHT +CONNECTIONS +TOTAL/);
  assertMatch(lines[4] ?? "", /^10\.0\.0\.1:6000 +up +1m +0 +1 +4 +17/);
  assertMatch(lines[5] ?? "", /^10\.0\.0\.2:6000 \(backup\) +down +3 +1 +0 +0/);
  for (const line of lines) assert(line.length <= 80, line);
});

test("status says that the store cannot be reached, as a word for programs and as a sentence for people", async () => {
  await using desk = await Desk.open({});
  desk.details = { store: "unreachable" };
  const [lines, json, screen] = await Promise.all([
    desk.run(["status"]),
    desk.run(["status", "--json"]),
    desk.run(["status"], { hasTerminal: true, env: { NO_COLOR: "1", TERM: "xterm" } }),
  ]);
  assertEquals(lines.stdout, `balance ${desk.address} healthy store=unreachable\n`);
  assertEquals(JSON.parse(json.stdout).health, { healthy: true, role: "balance", store: "unreachable" });
  assertEquals(screen.stdout.replaceAll("\r", "").trimEnd().split("\n"), [
    `balance at ${desk.address}: healthy`,
    "the store cannot be reached: messages and logins are refused until it can",
  ]);
});

test("status --watch, piped, says when the store is away and when it is back", async () => {
  await using desk = await Desk.open({});
  await using program = desk.start(["status", "--watch"]);
  await program.says("healthy\n");
  desk.details = { store: "unreachable" };
  await program.says("healthy store=unreachable\n");
  desk.details = {};
  await program.until("that it is back", () => program.stdout.split("\n").length === 4 || undefined);
  program.signal("SIGINT");
  await program.end();
  const line = `balance ${desk.address} healthy`;
  assertEquals(program.stdout, `${line}\n${line} store=unreachable\n${line}\n`);
});

test("status --watch, piped, shows what changes and nothing else, and Ctrl-C ends it with 0", async () => {
  const { chat } = pools();
  await using desk = await Desk.open({ chat });
  await using program = desk.start(["status", "--watch"]);
  await program.says("total=17");
  const [one, two] = chat;
  assert(one && two);
  one.total = 18;
  two.state = "up";
  two.missed = 0;
  await program.says(`chat ${TWO} up missed=0`);
  chat.pop();
  await program.says(`chat ${TWO} gone`);
  program.signal("SIGINT");
  assertEquals([await program.end(), program.stderr], [0, ""]);
  assertEquals(program.stdout.trim().split("\n"), [
    `balance ${desk.address} healthy`,
    ...LINES.slice(0, 2),
    `chat ${TWO} up missed=0 weight=1 connections=0 total=0 source=config backup error="connect refused"`,
    `chat ${TWO} gone`,
  ]);
});

test("status --watch outlives the balancer: it says once that nothing answers, and goes on", async () => {
  await using desk = await Desk.open(pools());
  await using program = desk.start(["status", "--watch"]);
  await program.says("total=17");
  await desk.close();
  await program.says(`Nothing answers at ${desk.address}`);
  program.signal("SIGTERM");
  assertEquals(await program.end(), 0);
});

test("status --watch on a terminal draws over its last picture and gives the cursor back", async () => {
  await using desk = await Desk.open(pools());
  await using program = desk.start(["status", "--watch"], { hasTerminal: true, env: { TERM: "xterm" } });
  await program.says("10.0.0.2:6000 (backup)");
  desk.pools.get("web")?.push(backendNamed("10.9.9.9:99"));
  await program.says("10.9.9.9:99");
  program.type("\u0003");
  await program.end();
  const { stdout } = program;
  assertEquals([stdout.indexOf("\u001b[?25l") >= 0, stdout.lastIndexOf("\u001b[?25h") >= 0], [true, true]);
  assertStringIncludes(stdout.slice(stdout.indexOf("backup")), "\u001b[H");
});

test("connections lists those of a backend, and says when there are more than it lists", async () => {
  await using desk = await Desk.open(pools());
  const view = {
    pool: "chat",
    frontend: "f",
    transport: "tcp",
    ageMs: 3_700_000,
    idleMs: 850,
    bytesIn: 1,
    bytesOut: 2,
  };
  desk.connections = [
    { id: "a", backend: ONE, client: "10.1.1.1:50000", ...view },
    { id: "b", backend: TWO, client: "10.1.1.2:50000", ...view },
    { id: "c", backend: TWO, client: "evil\u001b[2J\n", ...view },
  ];
  const [one, two, json, table] = await Promise.all([
    desk.run(["connections", "--backend", ONE, "--min-age", "1h"]),
    desk.run(["connections", "--limit", "1"]),
    desk.run(["connections", "--backend", TWO, "--json"]),
    desk.run(["connections"], { hasTerminal: true, env: { NO_COLOR: "1" } }),
  ]);
  const line = `a 10.1.1.1:50000 ${ONE} pool=chat frontend=f transport=tcp age=1h idle=850ms in=1 out=2\n`;
  assertEquals(one, { code: 0, stdout: line, stderr: "" });
  assertEquals([two.stdout, two.stderr], [line, "there are more than 1; --limit shows more of them\n"]);
  assertEquals(
    json.stdout
      .trim()
      .split("\n")
      .map((text) => JSON.parse(text)),
    desk.connections.slice(1),
  );
  assertStringIncludes(table.stdout, "CLIENT");
  assert(!table.stdout.includes("\u001b[2J"), "a name of somebody else's moved the cursor");
});

test("connections refuses a backend, a pool or a frontend that there is not, and says which there are", async () => {
  await using desk = await Desk.open(pools());
  const counts = { connections: 0, total: 0, refused: {} };
  desk.frontends.push({
    name: "f",
    address: "127.0.0.1:1",
    protocol: "tcp",
    pool: "chat",
    draining: false,
    ...counts,
  });
  const mistakes: readonly (readonly [readonly string[], string])[] = [
    [["--backend", "nope"], `--backend: there is no backend "nope"; there are ${ONE}, ${TWO}, 10.0.0.3:80`],
    [["--backend", ONE, "--pool", "web"], `--backend: there is no backend "${ONE}"; there are 10.0.0.3:80`],
    [["--pool", "nope"], '--pool: there is no pool "nope"; there are chat, web'],
    [["--frontend", "nope"], '--frontend: there is no frontend "nope"; there are f'],
  ];
  for (const [args, sentence] of mistakes) {
    const error = await assertRejects(() => connections([...args, "--admin", desk.address]), UsageError);
    assertEquals(error.message, sentence);
  }
  assertEquals(await connections(["--backend", ONE, "--frontend", "f", "--admin", desk.address]), 0);
});
