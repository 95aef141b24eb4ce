import type { Scenario } from "../contract.ts";
import { CHURN, proxyScenario } from "../rows/proxy_rows.ts";

/** Connections that do not stay. */
export const scenarios: readonly Scenario[] = [
  proxyScenario({
    name: "connect_churn",
    title: "50 clients of a proxy, each of which connects, has 64 bytes sent back, closes and connects again",
    unit: "connections",
    work: CHURN,
  }),
];
