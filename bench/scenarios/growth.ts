import type { Scenario } from "../contract.ts";
import { GROWTH_METRICS, growthRows } from "../rows/growth_rows.ts";

/** How the price of a request grows. */
export const scenarios: readonly Scenario[] = [
  {
    name: "growth",
    variantOf: "echo",
    title: "requests through a proxy on 10 to 5,000 connections, and answers of 64 bytes to 256 KiB on 8",
    metrics: GROWTH_METRICS,
    compared: "100 open",
    drawn: ["10 open", "5000 open", "64 B", "256 KiB"],
    rounds: 3,
    baselines: ["nginx"],
    rows: growthRows(),
  },
];
