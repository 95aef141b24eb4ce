import type { Clock } from "../../async/mod.ts";
import { type Address, type AddressList, hostOf } from "../../net/mod.ts";
import { decodeProxyHeader, type ProxyHeader } from "../../wire/mod.ts";
import type { Arrival } from "./arrival.ts";
import { type ClientRoute, MAX_HOPS, MAX_NODE_ID_BYTES, routeOfHeader } from "./client_route.ts";
import { type Missing, PREREAD_MS, readFirst } from "./first_bytes.ts";
import { Refusal } from "./refusal.ts";

/**
 * Whether a connection may bring a PROXY header, which only those who are trusted may; undefined if it may. Who can connect to a unix
 * socket may: the rights of its file decide on that.
 */
export function judgeSender(sender: Address, trusted: AddressList): Refusal | undefined {
  const host = hostOf(sender);
  if ("path" in sender || trusted.has(host)) return undefined;
  return new Refusal("proxy_header", `${host} is not one of the addresses that are trusted to send one`);
}

/** Options for {@linkcode readProxyHeader}. */
export interface ProxyHeaderOptions {
  /** @default {3000} */
  readonly prereadMs?: number | undefined;
  readonly clock: Clock;
}

/**
 * Reads the PROXY header with which a connection has to begin, and takes the client's route from it.
 *
 * @returns The header's kind; or why the client cannot be served.
 */
export async function readProxyHeader(
  arrival: Arrival,
  { prereadMs = PREREAD_MS, clock }: ProxyHeaderOptions,
): Promise<ProxyHeader["kind"] | Refusal> {
  const { connection, head } = arrival;
  const options = { head, look: decodeProxyHeader, timeoutMs: prereadMs, clock };
  const { bytes, found } = await readFirst(connection, options);
  connection.handle(arrival);
  if (found.state !== "found") return explain(arrival, found, bytes.length, prereadMs);
  arrival.head = bytes.subarray(found.length);
  arrival.route = routeOfHeader(found.value, arrival.route);
  return found.value.kind;
}

function explain(arrival: Arrival, missing: Missing, received: number, prereadMs: number): Refusal {
  const from = hostOf(arrival.connection.remote);
  switch (missing.state) {
    case "none":
      return new Refusal("proxy_header", `from ${from}: ${missing.reason}`);
    case "late":
      return new Refusal(
        "proxy_header",
        `from ${from}: ${received} bytes came in ${prereadMs} ms; a whole header must`,
      );
    case "ended":
      // Whoever connects and says nothing only looks whether we are here.
      if (received === 0) return arrival.farewell();
      return new Refusal("proxy_header", `from ${from}: it ended after ${received} bytes of a header`);
    case "gone":
      return arrival.farewell();
  }
}

/** Whether a client may come through the balancer `nodeId`: not for the second time, nor after too many others. Undefined if it may. */
export function judgePath({ via }: ClientRoute, nodeId: string): Refusal | undefined {
  const path = [...via, nodeId].join(">");
  if (via.includes(nodeId)) return new Refusal("loop", `it has come here before: ${path}`);
  if (via.length < MAX_HOPS && path.length <= MAX_HOPS * MAX_NODE_ID_BYTES) return undefined;
  return new Refusal("loop", `it has come through more than ${MAX_HOPS} balancers: ${path}`);
}
