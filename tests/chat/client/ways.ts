/**
 * The ways by which a `ChatClient` comes to its server: what it does is the same by each.
 *
 * @module
 */
import { type Dial, tcpDial, webSocketDial } from "../../../src/chat/mod.ts";
import { type Address, formatAddress, systemDriver } from "../../../src/net/mod.ts";
import { test } from "../../testing.ts";
import type { ChatServers } from "../chat_servers.ts";

/** One of them. */
export interface Way {
  readonly name: string;
  /** Where server `index` is reached by it. */
  at(cluster: ChatServers, index: number): Address;
  dial(address: Address): Dial;
}

const WAYS: readonly Way[] = [
  {
    name: "TCP",
    at: (cluster, index) => cluster.at(index),
    dial: (address) => tcpDial(systemDriver(), [address]),
  },
  {
    name: "WebSocket",
    at: (cluster, index) => cluster.webAt(index),
    dial: (address) => webSocketDial([`ws://${formatAddress(address)}/ws`]),
  },
];

/** Defines a test for each way. */
export function eachWay(name: string, body: (way: Way) => Promise<void>): void {
  for (const way of WAYS) test(`by ${way.name}, ${name}`, () => body(way));
}
