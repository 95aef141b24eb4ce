import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { parseAmended, parseConfiguration } from "../../../src/balancer/configuration/parse.ts";
import { formatProblem } from "../../../src/balancer/configuration/problem.ts";
import { test } from "../../testing.ts";
import { FILE, file, problemsOf, wordsOf } from "./configurations.ts";

test("parseConfiguration() says of each wrong value where it is, what was found and what is allowed", () => {
  const wrong: readonly (readonly [object, string])[] = [
    [
      file({ listen: "127.0.0.1" }),
      '"127.0.0.1" is not an address; write HOST:PORT, [IPV6]:PORT or unix:PATH',
    ],
    [file({ listen: 80 }), "80 is not an address; write HOST:PORT, [IPV6]:PORT or unix:PATH"],
    [file({ transport: "upd" }), '"upd" is not tcp or udp; did you mean "udp"?'],
    [file({ timeouts: { idle: 5 } }), "5 is not a time; write 500ms, 5s, 10m or 1h"],
    [file({ timeouts: { idle: "5" } }), '"5" is not a time; write 500ms, 5s, 10m or 1h, at most 24 days'],
    [file({ timeouts: { idle: "0s" } }), '"0s" is too short; at least 1 ms'],
    [
      file({ timeouts: [] }),
      "an empty list is not an object with the keys idle, halfClose, preread, session",
    ],
    [file({ access: { maxConnections: 1.5 } }), "1.5 is not a whole number from 1 to 1000000000"],
    [file({ access: { maxConnections: -1 } }), "-1 is not a whole number from 1 to 1000000000"],
    [file({ access: { allow: [] } }), "a list of 0 is not a list of 1 to 10000"],
    [
      file({ access: { deny: ["10.0.0.0/8", "10.0.0.0/33"] } }),
      '"10.0.0.0/33" has prefix 33; IPv4 prefixes are 0 to 32',
    ],
    [file({ tls: { certificates: [{ certificate: "a" }] } }), 'the key "key" is missing'],
    [file({}, { policy: "weigthed" }), 'random or key-hash; did you mean "weighted"?'],
    [file({}, { backends: ["10.0.0.1:80,wait=1"] }), '"wait=1" is neither weight=N nor backup nor max=N'],
    [file({}, { backends: [{}] }), 'the key "address" is missing'],
    [
      file({}, { dns: { name: "a.b", port: 1, servers: ["10.0.0.2:0"] } }),
      '"10.0.0.2:0" is not the IP address of a name server',
    ],
    [file({}, { heartbeat: { kind: "udp", send: "\ud800" } }), "is not a text of 1 to 4096 characters"],
    [file({}, { registry: false }), "false is not true or the name of a pool of the registry"],
    [file({}, { registry: "a b" }), '"a b" is not true or the name of a pool of the registry'],
    [file({}, { dns: { name: "a..b", port: 1 } }), '"a..b" is not a host name'],
    [
      file({}, { dns: { name: "a.b", port: 1, servers: ["ns.example.net"] } }),
      '"ns.example.net" is not the IP address of a name server; write 10.0.0.2, 10.0.0.2:53 or [fd00::2]:53',
    ],
    [
      file({}, { connections: { onUp: "spread" } }),
      'is not a fate; write "keep", "close" or {"spread": "30s"}',
    ],
    [file({}, { connections: { onUp: { spread: "x" } } }), '"x" is not a time'],
    [file({}, { proxyProtocol: 2 }), "2 is not v1 or v2"],
    [
      file({}, {}, { redis: "http://10.0.0.1" }),
      "this is not the address of a Redis; write redis://HOST:PORT",
    ],
    [file({}, {}, { nodeId: "a>b" }), '"a>b" is not a name'],
    [file({}, {}, { grace: null }), "null is not a time"],
    [
      file({}, {}, { admin: { listen: "unix:/a" } }),
      '"unix:/a" is a unix socket; write HOST:PORT or [IPV6]:PORT',
    ],
    [{ frontends: [], pools: {} }, 'an empty list is not an object; write {"NAME": {…}}'],
    [{ frontends: { "a b": { listen: "h:1", pool: "p" } }, pools: { p: {} } }, '"a b" is not a name'],
  ];
  for (const [value, sentence] of wrong) {
    const words = wordsOf(value);
    assertEquals(words.length, 1, words.join("\n"));
    assert(words[0]?.includes(sentence), `${words[0]}\ndoes not say\n${sentence}`);
  }
});

test("parseConfiguration() reports all mistakes, each once and in the order of the file", () => {
  const text = `{
  "frontends": {
    "main": { "listen": "h", "pol": "web", "acess": {}, "pool": "web" }
  },
  "pools": {
    "web": { "slowstart": "1s", "polcy": 1, "backends": ["h", { "address": "h:1", "weight": -0.5 }] },
    "a.b": { "fallback": 1 }
  },
  "limit": {}
}`;
  assertEquals(
    problemsOf(text).map((problem) => formatProblem(problem, "f").split(";")[0]),
    [
      'f:3:25: frontends.main.listen: "h" is not an address',
      "f:3:37: frontends.main.pol: there is no such key",
      "f:3:53: frontends.main.acess: there is no such key",
      "f:6:27: pools.web.slowstart: there is no such key",
      "f:6:42: pools.web.polcy: there is no such key",
      'f:6:58: pools.web.backends[0]: "h" is not an address',
      "f:6:93: pools.web.backends[1].weight: -0.5 is not a number from 0 to 1000000",
      'f:7:26: pools["a.b"].fallback: 1 is not round-robin, weighted, ip-hash, least-connections, two-choices or random',
      "f:9:12: limit: there is no such key",
    ],
  );
});

test("parseAmended() tells places in the file, and none of values that the file has not", () => {
  const text = '{\n "frontends": 5,\n "pools": {} }';
  const amend = (value: unknown): unknown => ({
    ...(value as object),
    grace: 1,
    pools: { web: { polcy: 1 } },
  });
  const problems = parseAmended(text, FILE, amend);
  assert(Array.isArray(problems));
  assertEquals(
    problems.map(({ path, line, column }) => [path, line, column]),
    [
      ["grace", undefined, undefined],
      ["frontends", 2, 15],
      ["pools.web.polcy", undefined, undefined],
    ],
  );
});

test("parseAmended() gives the text of what it read, and reads no other than JSON", () => {
  const text = JSON.stringify(file());
  const found = parseAmended(text, FILE, (value) => ({ ...(value as object), state: "none" }));
  assert("text" in found);
  assertEquals(found.text, JSON.stringify(file({}, {}, { state: "none" })));
  const never = (): never => {
    throw new Error("there is nothing to amend");
  };
  assertEquals(parseAmended('{"a":1,"a":1}', FILE, never), parseConfiguration('{"a":1,"a":1}', FILE));
});

test("parseConfiguration() guesses which key was meant", () => {
  const guess = (key: string): string | undefined => wordsOf(file({}, { [key]: 1 }))[0]?.split("; ")[1];
  assertEquals(["slowstart", "slow_start", "fall-back", "backend", "quue", "toString"].map(guess), [
    'did you mean "slowStart"?',
    'did you mean "slowStart"?',
    'did you mean "fallback"?',
    'did you mean "backends"?',
    'did you mean "queue"?',
    "there are policy, key, fallback, backends, file, dns, registry, heartbeat, tls, proxyProtocol, connectTimeout, queue, slowStart, connections",
  ]);
});

test("parseConfiguration() reports the first 20 of 50,000 mistakes", () => {
  const backends = Array.from({ length: 50_000 }, () => "x");
  const paths = problemsOf(file({}, { backends })).map(({ path }) => path);
  assertEquals(
    paths,
    backends.slice(0, 20).map((_, at) => `pools.web.backends[${at}]`),
  );
});

test("parseConfiguration() refuses more than 32 Mi characters without reading them", () => {
  assertEquals(wordsOf("x".repeat(2 ** 25 + 1)), [
    ": 33554433 characters are too many; 33554432 are allowed",
  ]);
});

test("parseConfiguration() takes at most 1,000 pools", () => {
  const pools = Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`p${at}`, {}]));
  assertEquals(wordsOf(file({}, {}, { pools: { ...pools, web: {} } })), [
    "pools: 1001 are too many; 1000 are allowed",
  ]);
});

test("parseConfiguration() does not repeat the password of a Redis that is none", () => {
  for (const redis of ["http://user:secret@h", "redis://:secret@", ["redis://:secret@h"], { url: "secret" }])
    assert(!JSON.stringify(problemsOf(file({}, {}, { redis }))).includes("secret"), JSON.stringify(redis));
});

test("parseConfiguration() never throws, whatever a key holds", () => {
  const keys = ["frontends", "pools", "admin", "redis", "advertise", "limits", "state", "grace", "log", "x"];
  const odd = fc.anything({ maxDepth: 3, maxKeys: 3 });
  fc.assert(
    fc.property(fc.constantFrom(...keys), fc.jsonValue({ maxDepth: 4 }), odd, (key, value, frontend) => {
      parseConfiguration(JSON.stringify({ ...file(), [key]: value }), FILE);
      parseConfiguration(
        JSON.stringify(file({ access: frontend }, { heartbeat: value, tls: value })) ?? "",
        FILE,
      );
    }),
    { numRuns: 300 },
  );
});
