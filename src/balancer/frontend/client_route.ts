import { Buffer } from "node:buffer";
import { type Address, type Connection, hostOf } from "../../net/mod.ts";
import { encodeProxyHeader, PROXY_TLV, type ProxyHeader, type ProxyTlv } from "../../wire/mod.ts";

/** Where a client comes from, as it is told to whoever serves it. */
export interface ClientRoute {
  /** The client itself. */
  readonly source: Address;
  /** Where it connected to. */
  readonly destination: Address;
  /** The ids of the balancers that it has come through, the first one first. */
  readonly via: readonly string[];
  /** The server name that it asked for, where that is known. */
  readonly serverName?: string | undefined;
  /** The protocol that was agreed by ALPN, where TLS ended before us or here. */
  readonly alpn?: string | undefined;
}

/** The most balancers that a client may come through. */
export const MAX_HOPS = 16;
/** The most bytes of a balancer's id, so that {@linkcode MAX_HOPS} of them fit into a header. */
export const MAX_NODE_ID_BYTES = 128;

/** The most bytes of a server name or of a protocol's that are passed on. */
const MAX_NAME_BYTES = 255;
/** The most bytes of a unix socket's path in a header. */
const MAX_PATH_BYTES = 108;
/** The TLV in which balancers say which of them a client has come through: their ids, joined by `>`. The first of those for applications. */
const PATH_TLV = PROXY_TLV.firstCustom;

/** The route of a client that connected to us without anybody in between. */
export function directRoute({ remote, local }: Connection): ClientRoute {
  return { source: plain(remote), destination: plain(local), via: [] };
}

/** The route that a PROXY header tells, of a connection whose own addresses count where it tells none. */
export function routeOfHeader(header: ProxyHeader, own: ClientRoute): ClientRoute {
  if (header.kind === "local") return own;
  const { tlvs } = header;
  const ends =
    header.kind === "relayed"
      ? { source: plain(header.source), destination: plain(header.destination) }
      : { source: own.source, destination: own.destination };
  const path = textOf(tlvs, PATH_TLV);
  return {
    ...ends,
    via: path === undefined ? [] : path.split(">"),
    serverName: textOf(tlvs, PROXY_TLV.authority),
    alpn: textOf(tlvs, PROXY_TLV.alpn),
  };
}

/** Writes the PROXY header of a client that goes through the balancer `nodeId`. Version 1 tells the addresses only. */
export function encodeRoute(route: ClientRoute, nodeId: string, version: 1 | 2): Uint8Array {
  const { source, destination, via, serverName, alpn } = route;
  const tlvs = [
    ...tlvOf(PROXY_TLV.alpn, alpn),
    ...tlvOf(PROXY_TLV.authority, serverName),
    ...tlvOf(PATH_TLV, [...via, nodeId].join(">")),
  ];
  const isOneKind = "path" in source === "path" in destination;
  const header: ProxyHeader = isOneKind
    ? { kind: "relayed", transport: "stream", source, destination, tlvs }
    : { kind: "unknown", tlvs };
  return encodeProxyHeader(header, version);
}

/** Writes the PROXY header of a balancer that speaks for itself. Version 1 has `UNKNOWN` for it. */
export function encodeLocal(version: 1 | 2): Uint8Array {
  return encodeProxyHeader({ kind: "local" }, version);
}

/** An address whose host is in its one form: IPv4 that is wrapped in IPv6 is IPv4. */
function plain(address: Address): Address {
  if ("host" in address) {
    const host = hostOf(address);
    return host === address.host ? address : { host, port: address.port };
  }
  // One that was no UTF-8 has grown by being read.
  return Buffer.byteLength(address.path) > MAX_PATH_BYTES ? { path: "" } : address;
}

/** The text of a TLV; undefined where there is none, or one that is longer than what we would pass on. */
function textOf(tlvs: readonly ProxyTlv[], type: number): string | undefined {
  const text = Buffer.from(tlvs.find((tlv) => tlv.type === type)?.value ?? []).toString();
  return text === "" || (type !== PATH_TLV && Buffer.byteLength(text) > MAX_NAME_BYTES) ? undefined : text;
}

function tlvOf(type: number, text: string | undefined): ProxyTlv[] {
  return text === undefined ? [] : [{ type, value: Buffer.from(text) }];
}
