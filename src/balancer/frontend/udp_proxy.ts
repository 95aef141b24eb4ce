import { Buffer } from "node:buffer";
import { type AddressList, hostOf, type TcpAddress } from "../../net/mod.ts";
import {
  decodeProxyHeader,
  encodeProxyHeader,
  hasProxySignature,
  PROXY_TLV,
  type ProxyHeader,
} from "../../wire/mod.ts";
import { type ClientRoute, routeOfHeader } from "./client_route.ts";
import { judgeSender } from "./proxy_in.ts";
import { Refusal } from "./refusal.ts";

/** A datagram whose PROXY header was read. */
export interface RelayedDatagram {
  readonly route: ClientRoute;
  /** What the client itself has sent. */
  readonly payload: Uint8Array;
}

/**
 * Reads the PROXY header in front of a datagram.
 *
 * @param own The route of the sender itself, which counts where the header names nobody.
 * @returns Undefined when there is none; why the datagram is not to be passed on, when it is wrong.
 */
export function readDatagramHeader(
  datagram: Uint8Array,
  own: ClientRoute,
  trusted: AddressList,
): RelayedDatagram | Refusal | undefined {
  if (!hasProxySignature(datagram)) return undefined;
  const from = hostOf(own.source);
  const untrusted = judgeSender(own.source, trusted);
  if (untrusted) return untrusted;
  const peek = decodeProxyHeader(datagram);
  switch (peek.state) {
    case "found":
      return { route: routeOfHeader(peek.value, own), payload: datagram.subarray(peek.length) };
    case "more":
      return new Refusal(
        "proxy_header",
        `from ${from}: the datagram ends within the header, after ${datagram.length} bytes; it must be whole`,
      );
    case "none":
      return new Refusal("proxy_header", `from ${from}: ${peek.reason}`);
  }
}

/** Writes the header that goes in front of the datagrams of a client. */
export function datagramHeader(
  { source, destination, via }: ClientRoute,
  nodeId: string,
  version: 1 | 2,
): Uint8Array {
  const path = Buffer.from([...via, nodeId].join(">"));
  const tlvs = [{ type: PROXY_TLV.firstCustom, value: path }];
  // Version 1 tells of streams alone; as nginx does, UDP is said to be TCP, so that the address gets through.
  const transport = version === 1 ? "stream" : "datagram";
  const isOneKind = "path" in source === "path" in destination;
  const header: ProxyHeader = isOneKind
    ? { kind: "relayed", transport, source, destination, tlvs }
    : { kind: "unknown", tlvs };
  return encodeProxyHeader(header, version);
}

/** The route of a client whose datagrams come to us without anybody in between. */
export function datagramRoute(from: TcpAddress, frontend: TcpAddress): ClientRoute {
  return {
    source: { host: hostOf(from), port: from.port },
    destination: { host: hostOf(frontend), port: frontend.port },
    via: [],
  };
}
