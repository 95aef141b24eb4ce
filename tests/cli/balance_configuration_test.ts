import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import type { BalancerConfiguration } from "../../src/balancer/mod.ts";
import { readConfiguration } from "../../src/cli/balance_configuration.ts";
import { readBalanceFlags } from "../../src/cli/balance_flags.ts";
import { UsageError } from "../../src/cli/errors.ts";
import { temporaryFolder } from "../helpers.ts";
import { test } from "../testing.ts";

const FRONTEND = '"main": { "listen": "127.0.0.1:0", "pool": "p" }';
const POOL = '"p": { "backends": ["127.0.0.1:9"] }';

/** What a file and flags come to. */
function configurationOf(text: string, ...flags: readonly string[]): BalancerConfiguration {
  using folder = temporaryFolder();
  const file = join(folder.path, "chorus.json");
  writeFileSync(file, text);
  return readConfiguration(readBalanceFlags(["--config", file, ...flags]));
}

/** The lines of what is wrong with a file and flags; the file is called `f` in them. */
function mistakesOf(text: string, ...flags: readonly string[]): string[] {
  const { message } = assertThrows(() => configurationOf(text, ...flags), UsageError);
  return message.split("\n").map((line) => line.replaceAll(/^\S*chorus\.json/g, "f"));
}

/** The same, up to what is allowed. */
function startsOf(text: string, ...flags: readonly string[]): string[] {
  return mistakesOf(text, ...flags).map((line) => line.split(/ is not | is missing|; /)[0] ?? "");
}

/** Flags that write into every group of the file. */
const EVERYWHERE = [
  ["--policy", "random"],
  ["--udp"],
  ["--max-connections", "7"],
  ["--allow", "10.0.0.0/8"],
  ["--tls-certificate", "c", "--tls-key", "k"],
].flat();

test("a value of the wrong kind is told at its place, whatever flags write there", () => {
  const wrong: readonly (readonly [string, string])[] = [
    ['{ "pools": 5 }', "f:1:12: pools: 5"],
    ['{ "pools": [] }', "f:1:12: pools: an empty list"],
    ['{ "frontends": "xy" }', 'f:1:16: frontends: "xy"'],
    ['{ "frontends": null }', "f:1:16: frontends: null"],
    [`{ "frontends": { "a": 5 }, "pools": { ${POOL} } }`, "f:1:23: frontends.a: 5"],
    [`{ "frontends": { "a": null }, "pools": { ${POOL} } }`, "f:1:23: frontends.a: null"],
    [`{ "limits": 3, "frontends": { ${FRONTEND} }, "pools": { ${POOL} } }`, "f:1:13: limits: 3"],
    ['{ "frontends": { "a": { "tls": { "certificates": 1 } } } }', "f:1:50: frontends.a.tls.certificates: 1"],
    ["[]", "f:1:1: an empty list"],
  ];
  for (const [text, start] of wrong) {
    const found = startsOf(text, ...EVERYWHERE);
    assertEquals(found.includes(start), true, `${text}: ${found.join("\n")}`);
  }
});

test("mistakes of a file have the same words and places with a flag as without", () => {
  const texts = [
    `{ "frontends": { ${FRONTEND} },\n "pools": { "p": { "backends": ["127.0.0.1:9"],\n "polcy": "random" } } }`,
    `{ "frontends": { ${FRONTEND} },\n "pools": { "p": { "backends": [],\n "backends": ["127.0.0.1:9"] } } }`,
    `{ "frontends": { ${FRONTEND} },\n "pools": { ${POOL} }\n "state": "none" }`,
    `{ "frontends": { "main": {\n "listen": "127.0.0.1:0" } },\n "pools": { ${POOL} } }`,
    `{ "frontends": { "main": {\n "listen": "nowhere", "pool": "q" } },\n "pools": { ${POOL}, "r": {} } }`,
    `{ "frontends": { ${FRONTEND} },\n "pools": { "p": { "registry": true } } }`,
  ];
  for (const text of texts) {
    assertEquals(mistakesOf(text, "--max-connections", "5"), mistakesOf(text), text);
  }
});

test("a mistake that a flag brings into a file names the flag and no place", () => {
  const text = `{ "frontends": { ${FRONTEND} },\n "pools": { "p": { "backends": ["127.0.0.1:9"], "key": { "from": "sni" }, "policy": "key-hash" } } }`;
  assertEquals(startsOf(text, "--listen", "nowhere"), ['--listen: "nowhere"']);
  assertEquals(startsOf(text, "--udp", "--tls-certificate", "c", "--tls-key", "k"), [
    "--tls-certificate: TLS is for streams, and this frontend takes UDP",
    'f:1:61: frontends.main.pool: the pool "p" picks by key-hash, which looks into the first bytes of a stream',
  ]);
  assertEquals(startsOf(text, "--heartbeat-path", "/health"), [
    "--heartbeat-path: path is for the kind http, and this one is tcp",
  ]);
  assertEquals(startsOf(text, "--advertise", "10.0.0.7:1", "--advertise-pool", "x"), [
    "--advertise: a balancer announces itself in a Redis",
  ]);
  // What a flag would have to say besides is in no file.
  assertEquals(startsOf(text, "--advertise", "10.0.0.7:1"), ['f: advertise.pool: the key "pool"']);
});

test("a flag is not blamed for a key whose name only starts like its own", () => {
  const text = `{ "frontends": { ${FRONTEND} },\n "pools": { "p": { "backends": ["127.0.0.1:9"], "keys": 1 } } }`;
  assertEquals(startsOf(text, "--policy", "key-hash", "--key", "sni"), [
    "f:2:57: pools.p.keys: there is no such key",
  ]);
});

test("a frontend of flags is in front of the one pool, and one of several has to be named", () => {
  const { frontends } = configurationOf(`{ "pools": { ${POOL} } }`, "--listen", "127.0.0.1:0");
  assertEquals(frontends.get("main")?.pool, "p");
  const text = `{ "frontends": { ${FRONTEND}, "other": { "listen": "127.0.0.1:0" } }, "pools": { ${POOL}, "q": {} } }`;
  assertStringIncludes(
    mistakesOf(text, "--max-connections", "5").join("\n"),
    'frontends.other.pool: the key "pool" is missing',
  );
  assertStringIncludes(mistakesOf(text, "--udp").join("\n"), "has several frontends; say it there");
});

test("the certificate of flags goes before those of the file", () => {
  const tls = '"tls": { "certificates": [{ "certificate": "a", "key": "b" }], "minVersion": "1.3" }';
  const text = `{ "frontends": { "main": { "listen": "127.0.0.1:0", "pool": "p", ${tls} } }, "pools": { ${POOL} } }`;
  const found = configurationOf(text, "--tls-certificate", "/c", "--tls-key", "/k").frontends.get(
    "main",
  )?.tls;
  assertEquals(found?.certificates, [{ certificate: "/c", key: "/k" }]);
  assertEquals(found?.minVersion, "1.3");
});

test("backends are probed by chat pings with a Redis, but for its pool web, whose HTTP servers answer none", () => {
  const kindOf = (...flags: readonly string[]) => {
    const { pools } = readConfiguration(readBalanceFlags(["--redis", "redis://127.0.0.1:1", ...flags]));
    return Array.from(pools.values(), ({ heartbeat }) => heartbeat.kind);
  };
  assertEquals(kindOf(), ["chat"]);
  assertEquals(kindOf("--pool", "web"), ["tcp"]);
  assertEquals(kindOf("--pool", "web", "--heartbeat", "http"), ["http"]);
  assertEquals(kindOf("--pool", "balancers"), ["chat"]);
  assertEquals(kindOf("--udp"), ["none"]);
});
