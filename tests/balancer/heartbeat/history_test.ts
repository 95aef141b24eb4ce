import { assertEquals } from "@std/assert";
import { NO_HISTORY, outcomesOf, REMEMBERED, remembering } from "../../../src/balancer/heartbeat/history.ts";
import { test } from "../../testing.ts";

function after(outcomes: string): number {
  return [...outcomes].reduce((history, outcome) => remembering(history, outcome === "+"), NO_HISTORY);
}

test("a heartbeat's history is its outcomes, the oldest first", () => {
  assertEquals([outcomesOf(NO_HISTORY), outcomesOf(after("+--+"))], ["", "+--+"]);
});

test("a heartbeat's history keeps the last 30 outcomes, whatever came before, in a small number", () => {
  const outcomes = "-+--++".repeat(100);
  for (let length = REMEMBERED - 2; length < 200; length++) {
    const history = after(outcomes.slice(0, length));
    assertEquals(outcomesOf(history), outcomes.slice(Math.max(0, length - REMEMBERED), length));
    assertEquals(history < 2 ** 31 && history > 0, true);
  }
});
