import type { Scenario } from "../contract.ts";
import { frontRows } from "../rows/front_rows.ts";
import { CHAT_METRICS } from "./direct_message.ts";

/** What stands before the servers of a chat. */
export const scenarios: readonly Scenario[] = [
  {
    name: "front",
    title: "100 pairs by one address before two servers, each with four signals on their way",
    metrics: CHAT_METRICS,
    baselines: ["nginx node", "splice node"],
    rows: frontRows({ type: "pairs", mode: "signal", users: 200, inFlight: 4 }),
  },
];
