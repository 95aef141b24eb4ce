import { mapToV6, parseIp, unmapV4 } from "./ip.ts";

/** One end of a connection: an IP address and a port, or the path of a unix socket (`""` where it has none). */
export type ProxyAddress = { readonly host: string; readonly port: number } | { readonly path: string };

/** One more thing that a PROXY header of version 2 says. */
export interface ProxyTlv {
  /** What it is, 0 to 255: see {@linkcode PROXY_TLV}. */
  readonly type: number;
  /** At most what fits into the header. */
  readonly value: Uint8Array;
}

/** The types of TLVs that mean something to us, and the first and the last of those that an application may define. */
export const PROXY_TLV = {
  /** The protocol that was agreed by ALPN. */
  alpn: 0x01,
  /** The server name that the client asked for, as UTF-8. */
  authority: 0x02,
  /** The CRC-32C of the whole header, which is computed when it is written and compared when it is read. */
  crc32c: 0x03,
  /** Nothing; fills space. */
  noop: 0x04,
  /** Names the connection; at most 128 bytes. */
  uniqueId: 0x05,
  firstCustom: 0xe0,
  lastCustom: 0xef,
} as const;

/**
 * What a PROXY header says.
 *
 * - `local`: the sender speaks for itself, for instance to probe; the connection's own addresses count.
 * - `unknown`: for somebody of whom the sender cannot tell the addresses; again the connection's own count.
 * - `relayed`: for `source`, who connected to `destination`. Both are of one kind.
 */
export type ProxyHeader =
  | { readonly kind: "local" }
  | { readonly kind: "unknown"; readonly tlvs: readonly ProxyTlv[] }
  | {
      readonly kind: "relayed";
      /** TCP, or UDP; the same two kinds of unix sockets. */
      readonly transport: "stream" | "datagram";
      readonly source: ProxyAddress;
      readonly destination: ProxyAddress;
      readonly tlvs: readonly ProxyTlv[];
    };

/** A host and a port as they are written: 4 or 16 bytes, and 0 to 65535. */
export interface IpEnd {
  readonly ip: Uint8Array;
  readonly port: number;
}

type Inet = Extract<ProxyAddress, { host: string }>;

/**
 * Two ends in one family: IPv4 if both are, also where they are written as IPv6; else IPv6. A zone is left out.
 *
 * @throws {RangeError} when a host is no IP address, or a port is none.
 */
export function toOneFamily(source: Inet, destination: Inet): readonly [IpEnd, IpEnd] {
  const from = ipOf(source);
  const to = ipOf(destination);
  const from4 = unmapV4(from);
  const to4 = unmapV4(to);
  const [fromIp, toIp] = from4 && to4 ? [from4, to4] : [mapToV6(from), mapToV6(to)];
  return [
    { ip: fromIp, port: source.port },
    { ip: toIp, port: destination.port },
  ];
}

function ipOf({ host, port }: Inet): Uint8Array {
  const ip = parseIp(host.split("%", 1)[0] ?? "");
  if (!ip) throw new RangeError(`Cannot encode PROXY header: host must be an IP address, received "${host}"`);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new RangeError(`Cannot encode PROXY header: port must be 0 to 65535, received ${port}`);
  return ip;
}
