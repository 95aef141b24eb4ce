import { assertEquals, assertStringIncludes } from "@std/assert";
import { panelsOf } from "../../bench/chart.ts";
import type { Scenario } from "../../bench/contract.ts";
import { draw } from "../../bench/draw.ts";
import type { RowSamples } from "../../bench/report.ts";
import { test } from "../testing.ts";

const RATE = { name: "rate", unit: "requests/s" };
const PROXY = { name: "proxy", unit: "µs", digits: 1 };
const SCENARIO: Scenario = {
  name: "echo",
  title: "more than 1 & less than 3",
  metrics: [RATE, { name: "p50", unit: "ms" }, PROXY],
  compared: "proxy",
  baselines: ["nginx"],
  rows: [],
};
const ROWS: readonly RowSamples[] = [
  { row: "direct", kind: "direct", samples: [{ rate: 400 }] },
  {
    row: "nginx",
    kind: "peer",
    samples: [
      { rate: 200, proxy: 10 },
      { rate: 100, proxy: 20 },
    ],
  },
];

test("panelsOf() has a panel for what rows are compared by and one for how much was done", () => {
  const [direct, nginx] = [
    { row: "direct", kind: "direct", median: 400, min: 400, max: 400 },
    { row: "nginx", kind: "peer", median: 150, min: 100, max: 200 },
  ];
  assertEquals(panelsOf(SCENARIO, ROWS), [
    { metric: PROXY, bars: [{ ...nginx, median: 15, min: 10, max: 20 }], baseline: 15 },
    { metric: RATE, bars: [direct, nginx], baseline: 150 },
  ]);
});

test("draw() gives a picture with the name of every row, colors for dark and its title escaped", () => {
  const svg = draw(SCENARIO, ROWS);
  for (const part of [
    'xmlns="http://www.w3.org/2000/svg"',
    ">nginx<",
    ">direct<",
    "prefers-color-scheme: dark",
  ])
    assertStringIncludes(svg, part);
  assertStringIncludes(svg, "echo: more than 1 &amp; less than 3");
});

test("draw() gives the same picture for the same rows", () => {
  assertEquals(draw(SCENARIO, ROWS), draw(SCENARIO, ROWS));
});
