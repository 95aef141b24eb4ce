import type { Scenario } from "../contract.ts";
import { holdRows } from "../rows/hold_rows.ts";

/** Very many connections at once. */
export const scenarios: readonly Scenario[] = [
  {
    name: "hold",
    title: "60,000 chat connections at once, each with one ping in 30 s, while 1,000 pairs write",
    metrics: [
      { name: "held", unit: "connections" },
      { name: "open", unit: "s", digits: 1 },
      { name: "balancer", unit: "kB", digits: 1 },
      { name: "server", unit: "kB", digits: 1 },
      { name: "memory", unit: "MB" },
      { name: "p50", unit: "ms", digits: 1 },
      { name: "p99", unit: "ms", digits: 1 },
      { name: "answered", unit: "%", digits: 2 },
      { name: "delivered", unit: "%", digits: 2 },
    ],
    compared: "balancer",
    drawn: ["held", "open", "balancer", "server", "p99"],
    rounds: 1,
    baselines: ["splice node", "side by side node"],
    rows: holdRows(),
  },
];
