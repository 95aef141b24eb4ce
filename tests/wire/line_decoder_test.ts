import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { LineDecoder } from "../../src/wire/mod.ts";
import { test } from "../testing.ts";

/** The lines of `chunks`, then "too long" where the decoder gave up. */
function decode(chunks: readonly Uint8Array[], maxBytes = 64): string[] {
  const seen: string[] = [];
  const decoder = new LineDecoder(maxBytes, {
    line: (line) => seen.push(new TextDecoder().decode(line)) > 0,
    tooLong: () => void seen.push("too long"),
  });
  for (const chunk of chunks) decoder.push(chunk);
  return seen;
}

const bytes = (text: string) => new TextEncoder().encode(text);

test("LineDecoder gives the same lines whatever the chunks", () => {
  const line = fc.string({ unit: "grapheme", maxLength: 20 }).map((text) => text.replaceAll(/[\r\n]/g, ""));
  fc.assert(
    fc.property(fc.array(line), fc.array(fc.nat(40)), fc.boolean(), (lines, cuts, isCrlf) => {
      const whole = bytes(lines.map((text) => text + (isCrlf ? "\r\n" : "\n")).join(""));
      const chunks: Uint8Array[] = [];
      let start = 0;
      for (const cut of cuts) {
        chunks.push(whole.subarray(start, start + cut));
        start += cut;
      }
      chunks.push(whole.subarray(start));
      assertEquals(decode(chunks, 1000), lines);
    }),
  );
});

test("LineDecoder takes a line of just the limit, by \\n and by \\r\\n", () => {
  assertEquals(decode([bytes("12345678\n12345678"), bytes("\r"), bytes("\n")], 8), ["12345678", "12345678"]);
});

test("LineDecoder refuses a line of one byte more than the limit", () => {
  assertEquals(decode([bytes("123456789\n")], 8), ["too long"]);
  assertEquals(decode([bytes("12345"), bytes("6789\n")], 8), ["too long"]);
});

test("LineDecoder gives up early on a line without end and holds nothing of it", () => {
  let refused = 0;
  const decoder = new LineDecoder(1000, {
    line: () => true,
    tooLong: () => {
      refused += 1;
    },
  });
  for (let index = 0; index < 100; index++) decoder.push(new Uint8Array(500));
  assertEquals([refused, decoder.pendingBytes], [1, 0]);
});

test("LineDecoder gives no more lines once its handler has had enough", () => {
  const seen: number[] = [];
  const decoder = new LineDecoder(10, {
    line: (line) => seen.push(line.length) < 2,
    tooLong: () => undefined,
  });
  decoder.push(bytes("1\n22\n333\n"));
  decoder.push(bytes("4444\n"));
  assertEquals(seen, [1, 2]);
});
