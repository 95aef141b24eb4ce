import type { Scenario } from "../contract.ts";
import { modelRows } from "../rows/model_rows.ts";

/** The five ways to serve connections. */
export const scenarios: readonly Scenario[] = [
  {
    name: "models",
    title: "an echo under each server model: 16 connections that stay, then 16 at once that come and go",
    metrics: [
      { name: "messages", unit: "messages/s" },
      { name: "p99", unit: "ms", digits: 2 },
      { name: "message", unit: "µs", digits: 1 },
      { name: "connections", unit: "connections/s" },
      { name: "connection", unit: "ms", digits: 3 },
      { name: "memory", unit: "MB", digits: 2 },
    ],
    drawn: ["messages", "message", "connections", "connection", "memory"],
    baselines: ["reactors-in-processes node", "iterative node", "reactors-in-processes bun"],
    rows: modelRows(),
  },
];
