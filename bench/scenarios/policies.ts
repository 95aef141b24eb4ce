import type { Metric, Scenario } from "../contract.ts";
import { POLICY_SIZES } from "../load/contract.ts";
import { policyRows } from "../rows/policy_rows.ts";

const OPEN = POLICY_SIZES.map((size): Metric => ({ name: `open ${size}`, unit: "ns" }));
const FULL = POLICY_SIZES.map((size): Metric => ({ name: `full ${size}`, unit: "ns" }));

/** What a pick costs. */
export const scenarios: readonly Scenario[] = [
  {
    name: "policies",
    title: "a client is given a backend and gives it back, with 10 to 10,000 of them, with room and without",
    metrics: [
      ...OPEN,
      { name: "growth", unit: "times", digits: 2 },
      ...FULL,
      { name: "full growth", unit: "times", digits: 2 },
    ],
    compared: "open 10000",
    drawn: ["open 10", "open 10000", "full 10000", "growth"],
    baselines: ["round-robin node"],
    rows: policyRows(),
  },
];
