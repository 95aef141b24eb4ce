import { assertEquals, assertThrows } from "@std/assert";
import type { Scenario } from "../../bench/contract.ts";
import { baselineOf, comparedOf, drawnOf, type RowSamples, spreadOf, tableOf } from "../../bench/report.ts";
import { test } from "../testing.ts";

const SCENARIO: Scenario = {
  name: "echo",
  title: "asks",
  metrics: [
    { name: "rate", unit: "requests/s" },
    { name: "proxy", unit: "µs", digits: 1 },
  ],
  compared: "proxy",
  baselines: ["nginx", "control"],
  rows: [],
};
const DIRECT: RowSamples = { row: "direct", kind: "direct", samples: [{ rate: 400 }, { rate: 800 }] };
const CONTROL: RowSamples = {
  row: "control",
  kind: "control",
  samples: [
    { rate: 100, proxy: 20 },
    { rate: 300, proxy: 60 },
  ],
};
const NGINX: RowSamples = {
  row: "nginx",
  kind: "peer",
  samples: [
    { rate: 200, proxy: 10 },
    { rate: 200, proxy: 20 },
  ],
};

function cellsOf(table: string): readonly (readonly string[])[] {
  return table.split("\n").map((line) => line.trim().split(/\s{2,}/));
}

test("spreadOf() takes the middle of an odd number of values and between the middle two of an even one", () => {
  assertEquals(spreadOf([10, 2, 3]), { median: 3, min: 2, max: 10 });
  assertEquals(spreadOf([10, 2, 3, 4]), { median: 3.5, min: 2, max: 10 });
});

test("tableOf() tells the compared metric and the first one as ratios, round by round", () => {
  const [, header, control] = cellsOf(tableOf(SCENARIO, [CONTROL, NGINX]));
  assertEquals(header?.slice(-3), ["proxy min … max", "proxy × nginx", "rate × nginx"]);
  // 20 to 10 and 60 to 20; 100 to 200 and 300 to 200.
  assertEquals(control, ["control", "200", "40.0", "20.0 … 60.0", "2.50", "1.00"]);
});

test("tableOf() has a dash where a row has no such metric", () => {
  const [, , direct] = cellsOf(tableOf(SCENARIO, [DIRECT, NGINX]));
  assertEquals(direct, ["direct", "600", "–", "–", "–", "3.00"]);
});

test("tableOf() tells one ratio of a scenario that is compared by its first metric", () => {
  const { compared, ...rest } = SCENARIO;
  const [, header] = cellsOf(tableOf(rest, [CONTROL, NGINX]));
  assertEquals([compared, ...(header?.slice(-2) ?? [])], ["proxy", "rate min … max", "rate × nginx"]);
});

test("tableOf() has no ratios without a baseline", () => {
  const [, header] = cellsOf(tableOf(SCENARIO, [DIRECT]));
  assertEquals(header?.at(-1), "proxy min … max");
});

test("baselineOf() takes the first of the baselines that was measured", () => {
  assertEquals(baselineOf(SCENARIO, [DIRECT, CONTROL, NGINX]), NGINX);
  assertEquals(baselineOf(SCENARIO, [DIRECT, CONTROL]), CONTROL);
  assertEquals(baselineOf(SCENARIO, [DIRECT]), undefined);
});

test("comparedOf() refuses a metric that the scenario does not have", () => {
  assertThrows(
    () => comparedOf({ ...SCENARIO, compared: "cost" }),
    RangeError,
    'Cannot compare rows: there is no metric "cost"',
  );
});

test("drawnOf() takes what the scenario says, else what rows are compared by and the first metric", () => {
  const namesOf = (scenario: Scenario): readonly string[] => drawnOf(scenario).map(({ name }) => name);
  assertEquals(namesOf(SCENARIO), ["proxy", "rate"]);
  assertEquals(namesOf({ ...SCENARIO, drawn: ["rate"] }), ["rate"]);
});

test("drawnOf() refuses a metric that the scenario does not have", () => {
  assertThrows(
    () => drawnOf({ ...SCENARIO, drawn: ["cost"] }),
    RangeError,
    'Cannot draw "echo": there is no metric "cost"',
  );
});
