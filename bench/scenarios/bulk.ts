import type { Scenario } from "../contract.ts";
import { BULK, proxyScenario } from "../rows/proxy_rows.ts";

/** Large answers. */
export const scenarios: readonly Scenario[] = [
  proxyScenario({
    name: "bulk",
    title: "8 connections through a proxy, each with one answer of 1 MiB on its way",
    unit: "MiB",
    work: BULK,
  }),
];
