import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type JsonDocument, readJson } from "../../../src/balancer/configuration/json.ts";
import { formatProblem } from "../../../src/balancer/configuration/problem.ts";
import { anyCharacter } from "../../arbitrary_text.ts";
import { test } from "../../testing.ts";

function read(text: string): JsonDocument {
  const document = readJson(text);
  assert(!("message" in document), JSON.stringify(document));
  return document as JsonDocument;
}

function mistakeIn(text: string): string {
  const problem = readJson(text);
  assert("message" in problem, `no mistake in ${text}`);
  return formatProblem(problem, "f");
}

const isKey = (text: string): boolean => !["__proto__", "constructor", "prototype"].includes(text);
const json = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constant(null),
    fc.boolean(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => (number === 0 ? 0 : number)),
    fc.string({ unit: anyCharacter, maxLength: 20 }),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(fc.string({ maxLength: 8 }).filter(isKey), tie("value"), {
      maxKeys: 4,
      noNullPrototype: true,
    }),
  ),
})).value;

test("readJson() reads what JSON.stringify() writes, with any spaces", () => {
  fc.assert(
    fc.property(json, fc.constantFrom("", "  ", "\t", "\n"), (value, indent) => {
      const text = ` \r\n${JSON.stringify(value, undefined, indent)}\n`;
      assertEquals(read(text).value, JSON.parse(text));
    }),
    { numRuns: 300 },
  );
});

test("readJson() takes and refuses the same texts as JSON.parse()", () => {
  const pieces = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"',
    '"a"',
    '"\\',
    "u00e9",
    "n",
    "1",
    "-",
    "0",
    ".5",
    "e3",
    "true",
  ];
  const text = fc
    .array(fc.constantFrom(...pieces, "null", " ", "\n", "\t", "x", "'", "//", "\u0001"), { maxLength: 12 })
    .map((parts) => parts.join(""));
  fc.assert(
    fc.property(text, (found) => {
      let expected: unknown;
      try {
        expected = JSON.parse(found);
      } catch {
        assert("message" in readJson(found), found);
        return;
      }
      const document = readJson(found);
      if ("message" in document) assert(document.message.includes("is there twice"), document.message);
      else assertEquals(document.value, expected);
    }),
    { numRuns: 3000 },
  );
});

test("readJson() never throws on any text, and its place is inside of it", () => {
  fc.assert(
    fc.property(fc.string({ unit: anyCharacter, maxLength: 60 }), (text) => {
      const problem = readJson(text);
      if (!("message" in problem)) return;
      const lines = text.split("\n");
      const { line = 0, column = 0 } = problem;
      assert(line >= 1 && line <= lines.length && column >= 1);
      assert(column <= (lines[line - 1]?.length ?? 0) + 1, JSON.stringify({ text, line, column }));
    }),
    { numRuns: 1000 },
  );
});

test("readJson() knows where each value starts, and of what is absent where its parent does", () => {
  const document = read('{\n  "a": [1,\n    {"b c": true}],\n  "d": "é"\n}');
  const places = [["a"], ["a", 0], ["a", 1], ["a", 1, "b c"], ["d"], ["a", 1, "x", "y"], ["z"]].map((path) =>
    document.placeAt(document.offsetOf(path)),
  );
  assertEquals(
    places.map(({ line, column }) => [line, column]),
    [
      [2, 8],
      [2, 9],
      [3, 5],
      [3, 13],
      [4, 8],
      [3, 5],
      [1, 1],
    ],
  );
  assertEquals([document.has(["a", 1]), document.has(["a", 2])], [true, false]);
  assertEquals([document.reach(["a", 1, "x", "y"]), document.reach(["z", "a"])], [["a", 1], []]);
});

test("readJson() says of what is no JSON the line, the column, what was found and what is allowed", () => {
  const value = "allowed is a value: a text in double quotes, a number, true, false, a list or an object";
  const wrong: readonly (readonly [string, string])[] = [
    ["", `f:1:1: the file ends here; ${value}`],
    ["{", "f:1:2: the file ends here; allowed is a key in double quotes"],
    ['{"a" 1}', 'f:1:6: "1" is not expected here; allowed is ":"'],
    ['{"a":1,}', 'f:1:8: "}" is not expected here; allowed is a key in double quotes'],
    ['{\n"a": [1,]}', `f:2:9: a[1]: "]" is not expected here; ${value}`],
    ['{"a":tru}', `f:1:6: a: "tru" is not expected here; ${value}`],
    ['{"a":01}', `f:1:6: a: "01" is not expected here; ${value}`],
    ["{'a':1}", 'f:1:2: "\'" is not expected here; allowed is a key in double quotes'],
    ['{"a":{} // x\n}', 'f:1:9: "//" is not expected here; allowed is "," or "}"; comments are not allowed'],
    ["[1 2]", 'f:1:4: "2" is not expected here; allowed is "," or "]"'],
    ["{} x", 'f:1:4: "x" is not expected here; allowed is the end of the file'],
    ['{"a":"b', 'f:1:6: a: the text that starts here has no end; write " after it'],
    ['{"a":1,\n "b":2,\n "a":3}', 'f:3:2: the key "a" is there twice; once is allowed'],
    ['{"__proto__":1}', 'f:1:2: "__proto__" cannot be a key'],
    ["[".repeat(40), "f:1:33: [0][0]"],
  ];
  for (const [text, sentence] of wrong) {
    const found = mistakeIn(text);
    assertEquals(found.slice(0, sentence.length), sentence);
  }
});

test("readJson() refuses a line break and a wrong escape in a text", () => {
  assertEquals(
    [mistakeIn('["a\nb"]'), mistakeIn('["\\x"]')],
    [
      'f:1:4: [0]: "\\n" is not expected here; allowed is a text on one line, with line breaks as \\n and tabs as \\t',
      'f:1:3: [0]: "\\\\" is not expected here; allowed is a text in which "\\" is written "\\\\"',
    ],
  );
});

test("readJson() takes no notice of the mark that some editors write at the start of a file", () => {
  assertEquals(read('\uFEFF{"a":1}').value, { a: 1 });
});
