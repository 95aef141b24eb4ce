import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Http1Head, type HttpHead, MAX_PEEK_BYTES, peekHttpHead } from "../../src/wire/mod.ts";
import { test } from "../testing.ts";
import { bytesOf, concat, reasonOf, testPeek } from "./peek_conformance.ts";

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const token = fc.stringMatching(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,12}$/);
const value = fc.stringMatching(/^(?:[!-~](?:[ \t!-~]{0,20}[!-~])?)?$/);
const header = fc.tuple(token, value, fc.stringMatching(/^[ \t]{0,3}$/));
const path = fc.stringMatching(/^\/[!"$-9;->@-~]{0,20}$/);
const query = fc.stringMatching(/^(?:\?[!-~]{0,10})?$/);

const request = fc
  .tuple(
    token,
    path,
    query,
    fc.constantFrom<Http1Head["version"]>("1.0", "1.1"),
    fc.array(header, { maxLength: 8 }),
  )
  .map(([method, where, rest, version, lines]) => {
    const target = where + rest;
    const text = lines.map(([name, content, blank]) => `${name}:${blank}${content}${blank}\r\n`).join("");
    const headers = lines.map(([name, content]) => [name.toLowerCase(), content] as const);
    const head: HttpHead = { version, method, target, path: where, headers };
    return [bytesOf(`${method} ${target} HTTP/${version}\r\n${text}\r\n`), head] as const;
  });
const preface = fc.constant([bytesOf(PREFACE), { version: "2" } as HttpHead] as const);

testPeek("peekHttpHead()", {
  peek: peekHttpHead,
  limitBytes: MAX_PEEK_BYTES,
  samples: fc.oneof({ weight: 9, arbitrary: request }, { weight: 1, arbitrary: preface }),
});

function stateOf(text: string): string {
  return peekHttpHead(bytesOf(text)).state;
}

/** The head of a request that must be one. */
function headOf(text: string): Http1Head {
  const peek = peekHttpHead(bytesOf(text));
  assert(peek.state === "found" && peek.value.version !== "2", reasonOf(peek));
  return peek.value;
}

test("peekHttpHead() keeps repeated headers in their order, with names in lower case", () => {
  const { headers } = headOf("GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nx-a:2 \r\nX-Empty:\r\n\r\nbody");
  assertEquals(headers, [
    ["host", "a"],
    ["x-a", "1"],
    ["x-a", "2"],
    ["x-empty", ""],
  ]);
});

test("peekHttpHead() gives a byte beyond ASCII as Latin-1, also where it counts as white space elsewhere", () => {
  const bytes = concat(
    bytesOf("GET / HTTP/1.1\r\nA: "),
    Uint8Array.of(0xa0, 0xe9, 0xa0),
    bytesOf("\r\n\r\n"),
  );
  const peek = peekHttpHead(bytes);
  assertEquals(peek.state === "found" && peek.value.version !== "2" && peek.value.headers, [
    ["a", "\xa0\xe9\xa0"],
  ]);
});

test("peekHttpHead() gives the path of every form of target", () => {
  const targets: readonly (readonly [string, string | undefined])[] = [
    ["/a/b?c=/d#e", "/a/b"],
    ["/?", "/"],
    ["//a", "//a"],
    ["/%2e%2E/x", "/%2e%2E/x"],
    ["http://example.org/a?b", "/a"],
    ["HTTPS://example.org:8443?b", "/"],
    ["*", undefined],
    ["example.org:443", undefined],
  ];
  for (const [target, expected] of targets) {
    const head = headOf(`GET ${target} HTTP/1.1\r\n\r\n`);
    assertEquals([head.target, head.path], [target, expected]);
  }
});

test("peekHttpHead() refuses what two servers may read as two things", () => {
  const heads = [
    "GET / HTTP/1.1\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
    "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost\t: a\r\n\r\n",
    "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
    "GET / HTTP/1.1\r\nA: b\r\n\tc: d\r\n\r\n",
    "GET / HTTP/1.1\r\n A: b\r\n\r\n",
    "GET / HTTP/1.1\r\n: b\r\n\r\n",
    "GET / HTTP/1.1\r\nno colon\r\n\r\n",
    "GET / HTTP/1.1\r\nA: b\0c\r\n\r\n",
    "GET / HTTP/1.1\r\nA\x7f: b\r\n\r\n",
    "GET / HTTP/1.1\r\nÄ: b\r\n\r\n",
    "GET  / HTTP/1.1\r\n\r\n",
    "GET /  HTTP/1.1\r\n\r\n",
    "GET /a b HTTP/1.1\r\n\r\n",
    "GET / HTTP/1.1 \r\n\r\n",
    "GET\t/ HTTP/1.1\r\n\r\n",
    "GET /ä HTTP/1.1\r\n\r\n",
    "\r\nGET / HTTP/1.1\r\n\r\n",
  ];
  for (const head of heads) assertEquals(stateOf(head), "none", JSON.stringify(head));
});

test("peekHttpHead() says that it is not HTTP as soon as the first line tells", () => {
  const starts = [
    "{",
    " ",
    "\r",
    "\x16\x03",
    "hello\r\n",
    "HELLO world\r\n",
    "GET / HTTQ",
    "GET / HTTP/2",
    "GET / HTTP/1.2",
    "GET / HTTP/1.1x",
    "PRI * HTTP/2.0\r\n\r\nXX",
    "GET / HTTP/1.1 ",
    "a".repeat(33),
    "GET /é",
  ];
  for (const start of starts) assertEquals(stateOf(start), "none", JSON.stringify(start));
  for (const start of [
    "",
    "G",
    "GET",
    "GET ",
    "GET /",
    "GET / ",
    "GET / HTTP/1.",
    "GET / HTTP/1.1\r",
    "PRI * HTTP/2.0\r\n\r\nSM",
  ])
    assertEquals(stateOf(start), "more", JSON.stringify(start));
});

test("peekHttpHead() takes a head of just 16 KiB, and gives up on one of a byte more", () => {
  const head = (size: number) => `GET / HTTP/1.1\r\nA: ${"b".repeat(size - 23)}\r\n\r\n`;
  assertEquals(head(MAX_PEEK_BYTES).length, MAX_PEEK_BYTES);
  assertEquals(stateOf(head(MAX_PEEK_BYTES)), "found");
  assertEquals(
    reasonOf(peekHttpHead(bytesOf(head(MAX_PEEK_BYTES + 1)))),
    "it does not end within 16384 bytes",
  );
});

test("peekHttpHead() takes no time that grows with the square of a head", () => {
  const heads = [
    `GET / HTTP/1.1\r\nA:${" ".repeat(16_000)}b\r\n\r\n`,
    `GET ${"a://".repeat(4000)} HTTP/1.1\r\n\r\n`,
    `GET / HTTP/1.1\r\n${"a:\r\n".repeat(4000)}\r\n`,
  ];
  const start = performance.now();
  for (const head of heads) for (let i = 0; i < 10; i++) assertEquals(stateOf(head), "found");
  assert(performance.now() - start < 1000);
});
