import { assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { MAX_PEEK_BYTES, peekJsonField } from "../../src/wire/mod.ts";
import { test } from "../testing.ts";
import { bytesOf, concat, reasonOf, testPeek } from "./peek_conformance.ts";

const peekName = (bytes: Uint8Array) => peekJsonField(bytes, "name");

const text = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 30 })
  .filter((value) => value.isWellFormed());
const fields = fc.dictionary(fc.string({ maxLength: 8 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 5 });
const samples = fc.tuple(fields, text, fc.constantFrom("\n", "\r\n", " \t\r\n")).map(([rest, name, end]) => {
  return [bytesOf(JSON.stringify({ ...rest, name }) + end), name] as const;
});

testPeek("peekJsonField()", { peek: peekName, limitBytes: MAX_PEEK_BYTES, samples });

function nameIn(line: string): string | undefined {
  const peek = peekName(bytesOf(line));
  return peek.state === "found" ? peek.value : undefined;
}

test("peekJsonField() takes a field of the object itself only, and reads it as JSON.parse does", () => {
  assertEquals(nameIn('{"type":"login","name":"al\\u0069ce","password":"x"}\n{"name":"bob"}\n'), "alice");
  assertEquals(nameIn('{"user":{"name":"eve"},"name":"alice"}\n'), "alice");
  assertEquals(nameIn('{"text":"\\"name\\":\\"eve\\"","name":"alice"}\n'), "alice");
  assertEquals(nameIn('{"name":"eve","name":"alice"}\n'), "alice");
  assertEquals(nameIn('{"user":{"name":"eve"}}\n'), undefined);
});

test("peekJsonField() has none where the first line has no text of that name", () => {
  const lines = [
    '{"name":1}',
    '{"name":null}',
    '{"name":""}',
    '{"name":["a"]}',
    '{"Name":"a"}',
    "{}",
    '{"name":"\\ud800"}',
  ];
  for (const line of lines) assertStringIncludes(reasonOf(peekName(bytesOf(`${line}\n`))), 'no text "name"');
  assertEquals(peekJsonField(bytesOf("{}\n"), "toString").state, "none");
  assertEquals(peekJsonField(bytesOf('{"__proto__":{"name":"eve"}}\n'), "name").state, "none");
});

test("peekJsonField() refuses lines that are no object in UTF-8, the obvious ones by their first byte", () => {
  for (const line of ["{\n", '{"name":"a"} x\n', "{name:1}\n", `{"a":${"[".repeat(9000)}\n`])
    assertStringIncludes(reasonOf(peekName(bytesOf(line))), "not a JSON object");
  const broken = concat(bytesOf('{"name":"'), Uint8Array.of(0xc3), bytesOf('"}\n'));
  assertStringIncludes(reasonOf(peekName(broken)), "UTF-8");
  for (const start of ["[", '"', "G", "\x16", "\n", " \n", "\0"])
    assertStringIncludes(reasonOf(peekName(bytesOf(start))), "0x7b");
  for (const start of ["", " ", "{", ' {"name":"a"}']) assertEquals(peekName(bytesOf(start)).state, "more");
});

test("peekJsonField() takes a line of just 16 KiB with its newline, and gives up on one of a byte more", () => {
  const line = (size: number) => bytesOf(`{"name":"${"a".repeat(size - 12)}"}\n`);
  assertEquals(line(MAX_PEEK_BYTES).length, MAX_PEEK_BYTES);
  assertEquals(peekName(line(MAX_PEEK_BYTES)).state, "found");
  assertEquals(reasonOf(peekName(line(MAX_PEEK_BYTES + 1))), "it does not end within 16384 bytes");
});
