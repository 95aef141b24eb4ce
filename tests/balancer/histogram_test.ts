import { assertEquals } from "@std/assert";
import { Histogram } from "../../src/balancer/histogram.ts";
import { test } from "../testing.ts";

test("a histogram absorbs what another one has counted, and later only what came since", () => {
  const bounds = [1, 10, 100];
  const sum = new Histogram(bounds);
  sum.add(5);
  const other = new Histogram(bounds);
  for (const value of [0.5, 5, 500]) other.add(value);
  const first = other.snapshot();
  sum.absorb(first, undefined);
  assertEquals(sum.snapshot(), { bounds, counts: [1, 3, 3], sum: 510.5, count: 4 });
  other.add(50);
  sum.absorb(other.snapshot(), first);
  assertEquals(sum.snapshot(), { bounds, counts: [1, 3, 4], sum: 560.5, count: 5 });
});
