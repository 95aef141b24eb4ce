import type { Metric, Scenario } from "../contract.ts";
import { chatRows } from "../rows/chat_rows.ts";

/** What is told of every chat scenario. Processor times are in microseconds for each message delivered. */
export const CHAT_METRICS: readonly Metric[] = [
  { name: "delivered", unit: "messages/s" },
  { name: "p50", unit: "ms", digits: 1 },
  { name: "p99", unit: "ms", digits: 1 },
  { name: "servers", unit: "µs", digits: 1 },
  { name: "redis", unit: "µs", digits: 1 },
  { name: "load", unit: "µs", digits: 1 },
];

const USERS = 200;

/** Pairs of users on different servers who write to each other. */
export const scenarios: readonly Scenario[] = [
  {
    name: "direct_message",
    title: "100 pairs on two servers, each with one stored message on its way",
    metrics: CHAT_METRICS,
    baselines: ["socket.io"],
    rows: chatRows({ type: "pairs", mode: "send", users: USERS, inFlight: 1 }),
  },
  {
    name: "direct_message_4",
    variantOf: "direct_message",
    title: "100 pairs on two servers, each with four stored messages on their way",
    metrics: CHAT_METRICS,
    baselines: ["socket.io"],
    rows: chatRows({ type: "pairs", mode: "send", users: USERS, inFlight: 4 }),
  },
  {
    name: "signal",
    title: "100 pairs on two servers, each with four signals on their way; nobody stores anything",
    metrics: CHAT_METRICS,
    baselines: ["socket.io"],
    rows: chatRows({ type: "pairs", mode: "signal", users: USERS, inFlight: 4 }),
  },
];
