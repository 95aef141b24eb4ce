import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { UsageError } from "../../src/cli/errors.ts";
import type { Command } from "../../src/cli/main.ts";
import type { Interruption } from "../../src/cli/process.ts";
import { formatAddress, systemDriver } from "../../src/net/mod.ts";
import { temporaryFolder } from "../helpers.ts";
import { test } from "../testing.ts";
import { getJson, startProgram } from "./program.ts";

const COMMANDS: Readonly<Record<string, () => Promise<Command["run"]>>> = {
  up: async () => (await import("../../src/cli/up.ts")).up,
  chat: async () => (await import("../../src/cli/chat.ts")).chat,
  balance: async () => (await import("../../src/cli/balance.ts")).balance,
  echo: async () => (await import("../../src/cli/echo.ts")).echo,
};

/** Mistakes with the exit code 2, and words of their one sentence: where, what was found, what is allowed. */
const MISTAKES: readonly (readonly [readonly string[], string])[] = [
  [["nonsense"], '"nonsense" is not a command; there are up, chat, balance, client'],
  [["constructor"], '"constructor" is not a command; there are up, chat'],
  [["__proto__"], '"__proto__" is not a command; there are up, chat'],
  [["up", "--nonsense"], "--nonsense"],
  [["up", "--servers", "0"], '--servers: "0" is not a whole number from 1 to 64'],
  [
    ["up", "--policy", "best"],
    '"best" is not one of round-robin, weighted, ip-hash, least-connections, two-choices, random',
  ],
  [["up", "--policy", "key-hash"], '"key-hash" is not one of round-robin'],
  [["balance", "--policy", "key-hash", "--backend", "127.0.0.1:1"], "--policy: key-hash needs to know"],
  [["balance", "--backend", "127.0.0.1:1", "--advertise", "127.0.0.1:1"], "--advertise: give the --redis"],
  [["balance", "--key", "sni", "--backend", "127.0.0.1:1"], "--key:"],
  [
    ["balance", "--udp", "--tls-certificate", "a", "--tls-key", "b", "--backend", "127.0.0.1:1"],
    "--tls-certificate: TLS is for streams",
  ],
  [["balance", "--heartbeat", "send-expect", "--backend", "127.0.0.1:1"], "expect"],
  [["balance", "--trusted", "10.0.0.0/33", "--backend", "127.0.0.1:1"], "--trusted: "],
  [["balance", "--pool", "web", "--backend", "127.0.0.1:1"], "--pool: give the --redis"],
  [["balance", "--config", "/nowhere/chorus.json"], "--config: cannot read /nowhere/chorus.json: ENOENT"],
  [["up", "--listen", "nowhere"], '--listen: "nowhere" is not an address; write HOST:PORT'],
  [["up", "--listen", "127.0.0.1:70000"], "ports are 0 to 65535"],
  [
    ["up", "--admin", "0.0.0.0:7090"],
    "0.0.0.0:7090 is not a loopback address; give --admin-token FILE with it",
  ],
  [["up", "--grace", "5"], '--grace: "5" is not a time; write 500ms, 5s'],
  [["up", "--redis", "localhost"], '"localhost" is not its address; write redis://HOST:PORT'],
  [["chat", "--redis", "redis+sentinel://127.0.0.1:1"], "write /NAME, what they call the master"],
  [["up", "--limit", "logins=few"], '"few" is neither a whole number from 1 to 200 nor off'],
  [["up", "--limit", "logins=201"], '"201" is neither a whole number from 1 to 200 nor off'],
  [["up", "--limit", "messages=5=6"], '"5=6" is neither a whole number from 1 nor off'],
  [["up", "--limit", "messages=0x10"], '"0x10" is neither a whole number from 1 nor off'],
  [["up", "--limit", "messages= 5"], '" 5" is neither a whole number from 1 nor off'],
  [["up", "--limit", "messages=0"], '"0" is neither a whole number from 1 nor off'],
  [["up", "--limit", "messages=9007199254740993"], "is neither a whole number from 1 nor off"],
  [["up", "--limit", "messages"], '"messages" has no value; write messages=VALUE or messages=off'],
  [["up", "--limit", "__proto__=5"], '"__proto__" is not a limit; there are login-timeout'],
  [["up", "--limit", "constructor=5"], '"constructor" is not a limit; there are login-timeout'],
  [["up", "--limit", "toString=5"], '"toString" is not a limit; there are login-timeout'],
  [["up", "--limit", "idle=9"], '"9" is not a time'],
  [["up", "--limit", "idle=0s"], '"0s" is no time to wait; write 500ms, 5s, 10m or 1h, or off'],
  [["chat", "--jwt-key", "/nowhere/key.pem"], "--jwt-key: cannot read /nowhere/key.pem: ENOENT"],
  [["up", "--jwt-key", "package.json"], "--jwt-key: package.json: the key must be a JWKS"],
  [["up", "--jwt-issuer", "me"], "--jwt-issuer: give --jwt-key FILE with it"],
  [["up", "--limit", "speed=1"], '"speed" is not a limit; there are login-timeout'],
  [["up", "--durable", "replica"], "replica needs --redis"],
  [["chat", "--data", ":memory:"], "chat takes a folder"],
  [["up", "extra"], 'received "extra"'],
  [["balance"], "say where clients go"],
  [["balance", "--backend", "127.0.0.1:1", "--max-connections", "abc"], '--max-connections: "abc" is not a'],
  [["balance", "--backend", "127.0.0.1:1", "--max-connections-per-client", " "], '-client: " " is not a'],
  [["balance", "--backend", "127.0.0.1:1", "--workers", "1e999"], '--workers: "1e999" is not a whole number'],
  [["balance", "--backend", "127.0.0.1:1", "--tls-key", "x"], "--tls-key: give --tls-certificate with it"],
  [["balance", "--config", "x", "--tls-certificate", "x"], "--tls-certificate: give --tls-key with it"],
  [
    ["balance", "--backend", "127.0.0.1:1", "--advertise-pool", "x"],
    "--advertise-pool: give --advertise with it",
  ],
  [["echo", "--model", "best"], '"best" is not one of iterative, process-per-connection'],
  [["echo", "--model", "iterative", "--workers", "2"], "--workers: iterative has no reactors"],
  [
    ["echo", "--model", "reactors-in-threads", "--spread", "kernel"],
    "--spread: reactors-in-threads has one way",
  ],
  [["echo", "--model", "iterative", "--max-connections", "2"], "--max-connections: iterative serves one"],
  [["echo", "--listen", "unix:/tmp/x"], "is not a TCP address"],
  [
    ["balance", "--backend", "127.0.0.1:1,heavy"],
    '--backend: "heavy" is neither weight=N nor backup nor max=N',
  ],
  [["chat", "--listen", "0.0.0.0:0", "--redis", "redis://127.0.0.1:1"], "--advertise"],
];

/** Those that are tried with the program itself: whatever a command rejects with ends it in the same way. */
const TRIED = ["nonsense", "constructor", "__proto__", "up", "chat", "balance"];

test("a mistake on the command line ends the program with 2 and one sentence that says what is allowed", async () => {
  const firsts = TRIED.map((name) => MISTAKES.find(([[command]]) => command === name));
  await Promise.all(
    firsts.map(async (mistake) => {
      assert(mistake);
      const [args, words] = mistake;
      await using program = startProgram(args);
      assertEquals([await program.end(), program.stdout], [2, ""], args.join(" "));
      assertStringIncludes(program.stderr, words);
      assertEquals(program.stderr.trim().split("\n").length, 1, program.stderr);
    }),
  );
});

test("a flag that there is not, and a value that looks like a flag, are told in one sentence", async () => {
  const mistakes: readonly (readonly [readonly string[], string])[] = [
    [["weight", "127.0.0.1:1", "-1"], "Unknown option '-1'; chorus weight --help lists the flags"],
    [
      ["sessions", "--limit", "-1"],
      "Option '--limit' argument is ambiguous; chorus sessions --help lists the flags",
    ],
  ];
  for (const [args, sentence] of mistakes) {
    await using program = startProgram(args);
    assertEquals([await program.end(), program.stderr], [2, `chorus: ${sentence}\n`]);
  }
});

for (const [args, words] of MISTAKES) {
  const [name = "", ...rest] = args;
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!load) continue;
  test(`${args.join(" ").slice(0, 80)} is a mistake that says ${words}`, async () => {
    const never: Interruption = {
      asked: new Promise(() => undefined),
      onSecond: () => undefined,
      onHangUp: () => undefined,
    };
    const start = await load();
    const error = await assertRejects(() => start(rest, never), UsageError);
    assertStringIncludes(error.message, words);
    assertEquals(error.message.trim().split("\n").length, 1);
  });
}

test("a flag is named for each file that it names and that is not there", async () => {
  const files = ["--tls-certificate", "/nope", "--tls-key", "/no"];
  await using program = startProgram(["balance", "--check", "--backend", "127.0.0.1:1", ...files]);
  assertEquals(await program.end(), 2);
  assertEquals(program.stderr.trim().split("\n"), [
    'chorus: --tls-certificate: "/nope" is not there',
    '--tls-key: "/no" is not there',
  ]);
});

test("--help, or -h, of every command lists its flags and opens nothing", async () => {
  const commands = ["up", "chat", "balance", "client", "kick"].map(async (command) => {
    await using program = startProgram([command, command === "kick" ? "-h" : "--help"]);
    assertEquals([await program.end(), program.stderr], [0, ""]);
    assertStringIncludes(program.stdout, "--help");
    assertStringIncludes(program.stdout, `chorus ${command === "up" ? "[up]" : command}`);
  });
  await Promise.all(commands);
});

test("--version tells the program's, the runtime's and the system, and opens nothing", async () => {
  await using program = startProgram(["--version"]);
  assertEquals(await program.exited, 0);
  const { node, bun, deno } = process.versions;
  const runtime = deno ? `Deno ${deno}` : `${bun ? "Bun" : "Node"} ${bun ?? node}`;
  const { default: about } = await import("../../package.json", { with: { type: "json" } });
  assertEquals(
    program.stdout.trim(),
    `chorus ${about.version} on ${runtime}, ${process.platform} ${process.arch}`,
  );
});

test("a port in use ends with 1 where it was asked for", async () => {
  const driver = systemDriver();
  await using taken = await driver.listen({ host: "127.0.0.1", port: 0 }, (connection) => {
    connection.abort();
    return { data: () => undefined, close: () => undefined };
  });
  await using program = startProgram([
    "balance",
    "--backend",
    "127.0.0.1:1",
    "--admin",
    "none",
    "--listen",
    formatAddress(taken.address),
  ]);
  assertEquals(await program.end(), 1);
  assertStringIncludes(program.stderr, `listen on ${formatAddress(taken.address)}: in_use`);
});

test("balance says at the start when more connections are asked for than the process may have", async () => {
  const flags = ["--listen", "127.0.0.1:0", "--admin", "none", "--backend", "127.0.0.1:1"];
  await using program = startProgram(["balance", "--max-connections", "9000000", ...flags]);
  await program.says("9000000 connections are asked for, but this process may open ");
});

test("a Redis that cannot be reached ends with 1 and names it without its password", async () => {
  await using program = startProgram([
    "chat",
    "--listen",
    "127.0.0.1:0",
    "--redis",
    "redis://user:secret@127.0.0.1:1",
  ]);
  assertEquals(await program.end(), 1);
  assertStringIncludes(program.stderr, "127.0.0.1:1");
  assert(!program.stderr.includes("secret"), program.stderr);
});

test("a data folder that another process holds, or that is damaged, ends with 1", async () => {
  using folder = temporaryFolder();
  const flags = ["chat", "--listen", "127.0.0.1:0", "--data", join(folder.path, "data")];
  await using holder = startProgram(flags);
  await holder.ready();
  await using second = startProgram(flags);
  assertEquals(await second.end(), 1);
  assertStringIncludes(second.stderr, join(folder.path, "data"));
  const damaged = join(folder.path, "damaged");
  await using maker = startProgram([...flags.slice(0, 4), damaged]);
  await maker.ready();
  maker.signal("SIGKILL");
  await maker.end();
  writeFileSync(join(damaged, "chat.sqlite"), "this is no database".repeat(100));
  await using third = startProgram([...flags.slice(0, 4), damaged]);
  assertEquals(await third.end(), 1);
  assertStringIncludes(third.stderr, "damaged");
});

test("balance serves /health and /api/pools, and refuses a name that somebody else controls", async () => {
  const backend = createServer((socket) => socket.end()).listen(0, "127.0.0.1");
  await once(backend, "listening");
  const { port } = backend.address() as { port: number };
  await using balancer = startProgram([
    "balance",
    "--listen",
    "127.0.0.1:0",
    "--admin",
    "127.0.0.1:0",
    "--backend",
    `127.0.0.1:${port},weight=2`,
  ]);
  const { admin } = await balancer.ready();
  await balancer.says("was suspect");
  const { pools } = (await getJson(admin, "/api/pools")) as { pools: [{ backends: [object] }] };
  const [{ backends, ...pool }] = pools;
  assertPartial(pool, { name: "default", policy: "round-robin", dispatch: "splice" });
  assertPartial(backends[0], {
    name: `127.0.0.1:${port}`,
    state: "up",
    missed: 0,
    weight: 2,
    connections: 0,
    total: 0,
    source: "config",
    backup: false,
  });
  const health = (await getJson(admin, "/health")) as { healthy: boolean };
  assertEquals(health.healthy, true);
  const foreign = await fetch(`http://${admin}/health`, { headers: { host: "evil.example" } });
  assertEquals([foreign.status, (await fetch(`http://${admin}/nothing`)).status], [foreign.status, 404]);
  backend.close();
});

/** What is promised of `/api/pools`, first and in this order; there may be more. */
function assertPartial(found: object, promised: object): void {
  assertEquals(Object.entries(found).slice(0, Object.keys(promised).length), Object.entries(promised));
}
