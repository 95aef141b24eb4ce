import { formatIp, parseIp } from "./ip.ts";
import { latin1 } from "./latin1.ts";
import { found, none, type Peek, peekable, unfinished } from "./peek.ts";
import { type ProxyAddress, type ProxyHeader, toOneFamily } from "./proxy_route.ts";

/** With what version 1 begins: `PROXY `. */
export const V1_SIGNATURE: readonly number[] = [0x50, 0x52, 0x4f, 0x58, 0x59, 0x20];
/** The most bytes of a header of version 1, with its `\r\n`. */
export const MAX_V1_BYTES = 107;

const UNKNOWN = "PROXY UNKNOWN\r\n";

/** Reads version 1 from bytes that begin as it does, as far as they go. */
export function decodeV1(bytes: Uint8Array): Peek<ProxyHeader> {
  const view = peekable(bytes, MAX_V1_BYTES);
  const text = latin1(view);
  const end = text.indexOf("\r\n");
  if (end < 0)
    return text.includes("\n")
      ? none("the line ends in \\n; it must end in \\r\\n")
      : unfinished(view, MAX_V1_BYTES);
  const line = text.slice(0, end);
  const header = headerOf(line);
  return typeof header === "string" ? none(header) : found(header, end + 2);
}

/** Writes version 1: streams over IP; all else is `UNKNOWN`, and there is no place for TLVs. @throws {RangeError} for a host or port that is none. */
export function encodeV1(header: ProxyHeader): Uint8Array {
  return new TextEncoder().encode(lineOf(header));
}

function lineOf(header: ProxyHeader): string {
  if (header.kind !== "relayed" || header.transport !== "stream") return UNKNOWN;
  const { source, destination } = header;
  if ("path" in source || "path" in destination) return UNKNOWN;
  const [from, to] = toOneFamily(source, destination);
  const family = from.ip.length === 4 ? "TCP4" : "TCP6";
  return `PROXY ${family} ${formatIp(from.ip)} ${formatIp(to.ip)} ${from.port} ${to.port}\r\n`;
}

/** The header of a line, or a clause that says what is wrong. */
function headerOf(line: string): ProxyHeader | string {
  const [, family = "", from = "", to = "", fromPort = "", toPort = "", ...more] = line.split(" ", 7);
  // Whatever follows UNKNOWN is to be ignored.
  if (family === "UNKNOWN") return { kind: "unknown", tlvs: [] };
  const size = { TCP4: 4, TCP6: 16 }[family];
  if (size === undefined) return `the family is ${JSON.stringify(family)}; there are TCP4, TCP6 and UNKNOWN`;
  const source = endOf(from, fromPort, size);
  const destination = endOf(to, toPort, size);
  if (!source || !destination || more.length > 0)
    return `${JSON.stringify(line)} is not PROXY ${family}, two addresses of that family and two ports from 0 to 65535`;
  return { kind: "relayed", transport: "stream", source, destination, tlvs: [] };
}

function endOf(host: string, port: string, size: number): ProxyAddress | undefined {
  const ip = parseIp(host);
  const isPort = /^(?:0|[1-9]\d{0,4})$/.test(port) && Number(port) <= 65_535;
  return isPort && ip?.length === size ? { host: formatIp(ip), port: Number(port) } : undefined;
}
