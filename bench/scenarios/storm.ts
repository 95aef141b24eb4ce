import type { Scenario } from "../contract.ts";
import { stormRows } from "../rows/storm_rows.ts";

/** A server is killed, and all its clients come back at once. */
export const scenarios: readonly Scenario[] = [
  {
    name: "storm",
    title: "a server with 5,000 clients is killed; they come back by token",
    metrics: [
      { name: "back", unit: "s", digits: 2 },
      { name: "p50", unit: "s", digits: 2 },
      { name: "p99", unit: "s", digits: 2 },
      { name: "logins", unit: "logins/s" },
      { name: "clients", unit: "" },
      { name: "slowest", unit: "ms" },
      { name: "servers", unit: "ms/login", digits: 2 },
    ],
    baselines: ["redis node"],
    rows: stormRows(),
  },
];
