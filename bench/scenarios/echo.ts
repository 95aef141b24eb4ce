import type { Scenario } from "../contract.ts";
import { ECHO, proxyScenario } from "../rows/proxy_rows.ts";

/** Small requests on connections that stay. */
export const scenarios: readonly Scenario[] = [
  proxyScenario({
    name: "echo",
    title: "100 connections through a proxy, each with one request of 64 bytes on its way",
    unit: "requests",
    work: ECHO,
  }),
];
