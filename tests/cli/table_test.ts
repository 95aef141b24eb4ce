import { stripVTControlCharacters } from "node:util";
import { assert, assertEquals } from "@std/assert";
import { byteWords, timeWords } from "../../src/cli/backend_words.ts";
import { type Column, table } from "../../src/cli/table.ts";
import { test } from "../testing.ts";

interface Row {
  readonly name: string;
  readonly count: number;
  readonly note: string;
}

const COLUMNS: readonly Column<Row>[] = [
  { title: "NAME", rank: 0, cell: ({ name }) => name },
  { title: "COUNT", rank: 1, isNumber: true, cell: ({ count }) => `${count}` },
  { title: "NOTE", rank: 2, cell: ({ note }) => note },
];
const ROWS: readonly Row[] = [
  { name: "one", count: 7, note: "short" },
  { name: "number-two", count: 12_345, note: "" },
];

function lines(rows: readonly Row[], width: number): string[] {
  return table(rows, COLUMNS, width).map(stripVTControlCharacters);
}

test("table() sets texts at the left and numbers at the right", () => {
  assertEquals(lines(ROWS, 80), [
    "NAME        COUNT  NOTE",
    "one             7  short",
    "number-two  12345  ",
  ]);
});

test("table() leaves out columns from the highest rank until it fits, and then cuts the widest", () => {
  assertEquals(lines(ROWS, 24)[0], "NAME        COUNT  NOTE");
  assertEquals(lines(ROWS, 23)[0], "NAME        COUNT");
  assertEquals(lines(ROWS, 16)[0], "NAME");
  assertEquals(lines(ROWS, 9), ["NAME", "one", "number-t…"]);
  for (let width = 8; width < 40; width++)
    for (const line of lines(ROWS, width)) assert(line.length <= width, `${width}: ${line}`);
});

test("table() leaves out a column without a single text", () => {
  const silent = ROWS.map((row) => ({ ...row, note: "" }));
  assertEquals(lines(silent, 80)[0], "NAME        COUNT");
});

test("timeWords() and byteWords() take the largest unit that leaves a whole number", () => {
  const times = [0, 999, 1000, 59_999, 60_000, 3_599_999, 86_400_000, 200_000_000].map(timeWords);
  assertEquals(times, ["0ms", "999ms", "1s", "59s", "1m", "59m", "1d", "2d"]);
  const sizes = [0, 999, 1000, 9949, 12_345, 999_999, 1_000_000, 2.5e12].map(byteWords);
  assertEquals(sizes, ["0", "999", "1.0k", "9.9k", "12k", "999k", "1.0M", "2.5T"]);
});
