import type { Scenario } from "../contract.ts";
import { chatRows } from "../rows/chat_rows.ts";
import { CHAT_METRICS } from "./direct_message.ts";

const METRICS = [{ name: "sent", unit: "sends/s" }, ...CHAT_METRICS];

/** One user who writes to a group. */
export const scenarios: readonly Scenario[] = [100, 1000].map((members) => ({
  name: `group_fanout_${members}`,
  ...(members > 100 && { variantOf: "group_fanout_100" }),
  title: `one member of a group on two servers writes to ${members} others, four messages on their way`,
  metrics: METRICS,
  baselines: ["socket.io"],
  rows: chatRows({ type: "group", mode: "send", users: members + 1, inFlight: 4 }),
}));
