import type { Scenario } from "../contract.ts";
import { chatRows } from "../rows/chat_rows.ts";
import { CHAT_METRICS } from "./direct_message.ts";

/** Of a group. */
const MAX_MEMBERS = 1000;

const METRICS = [{ name: "sent", unit: "sends/s" }, ...CHAT_METRICS];

/** One user who writes to a group; the larger one has as many members as a group may have. */
export const scenarios: readonly Scenario[] = [
  scenario({ name: "group_fanout_100", members: 101 }),
  { ...scenario({ name: "group_fanout_1000", members: MAX_MEMBERS }), variantOf: "group_fanout_100" },
];

function scenario({ name, members }: { readonly name: string; readonly members: number }): Scenario {
  return {
    name,
    title: `one member of a group on two servers writes to ${members - 1} others, four messages on their way`,
    metrics: METRICS,
    baselines: ["socket.io"],
    rows: chatRows({ type: "group", mode: "send", users: members, inFlight: 4 }),
  };
}
