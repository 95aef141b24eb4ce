import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { MAX_DURATION_MS, parseDuration } from "../../src/async/mod.ts";
import { test } from "../testing.ts";

test("parseDuration() reads every unit, and fractions", () => {
  assertEquals(
    ["500ms", "5s", "10m", "1h", "0.5s", "1.5h", "0s"].map(parseDuration),
    [500, 5000, 600_000, 3_600_000, 500, 5_400_000, 0],
  );
});

test("parseDuration() says of what is no time what was found and what is allowed", () => {
  for (const text of [
    "",
    "5",
    "s",
    "-1s",
    "1 s",
    "1d",
    "1e3s",
    ".5s",
    "5S",
    "600h",
    "5s\n",
    `${"9".repeat(400)}ms`,
  ])
    assertEquals(parseDuration(text), `"${text}" is not a time; write 500ms, 5s, 10m or 1h, at most 24 days`);
});

test("parseDuration() reads every number of milliseconds that a timer takes", () => {
  fc.assert(fc.property(fc.nat(MAX_DURATION_MS), (ms) => assertEquals(parseDuration(`${ms}ms`), ms)));
  assertEquals(typeof parseDuration(`${MAX_DURATION_MS + 1}ms`), "string");
});
