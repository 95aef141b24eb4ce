import { assertEquals } from "@std/assert";
import { Pace } from "../../bench/load/pace.ts";
import { holdLayout, randomPairs } from "../../bench/rows/hold_layout.ts";
import { test } from "../testing.ts";

test("holdLayout() has as many processes as the files of each need", () => {
  const layout = { connections: 60_000, workers: 7, servers: 4, loads: 4 };
  assertEquals(holdLayout(60_000, 20_000), layout);
});

test("holdLayout() has two of each for few connections, and where files have no limit", () => {
  const two = { connections: 1000, workers: 2, servers: 2, loads: 2 };
  assertEquals(holdLayout(1000, 20_000), two);
  assertEquals(holdLayout(1000, Number.POSITIVE_INFINITY), two);
});

test("holdLayout() holds fewer connections where eight workers cannot hold all", () => {
  const layout = { connections: 3584, workers: 8, servers: 4, loads: 4 };
  assertEquals(holdLayout(60_000, 1024), layout);
});

test("randomPairs() puts nobody into two pairs", () => {
  const names = Array.from({ length: 100 }, (_, index) => `u${index}`);
  const all = [...randomPairs(names, 50)].flat();
  assertEquals([...all].sort(), [...names].sort());
});

test("randomPairs() has no more pairs than there are names for", () => {
  assertEquals(randomPairs(["a", "b", "c"], 50).size, 1);
});

test("Pace spreads the turns of a period evenly and loses none", () => {
  const pace = new Pace(1000, 0);
  const due = [100, 250, 1000, 3000].map((ms) => pace.due(4, ms));
  assertEquals(due, [0, 1, 3, 8]);
});
