import { isIP } from "node:net";
import type { Address, TcpAddress } from "./contract.ts";

/**
 * Writes an address as people do: `10.0.0.7:6000`, `[::1]:6000`, `unix:/run/chorus.sock`.
 *
 * @example IPv4, IPv6 and a unix socket
 * ```ts
 * import assert from "node:assert/strict";
 * import { formatAddress } from "chorus";
 *
 * assert.equal(formatAddress({ host: "10.0.0.7", port: 6000 }), "10.0.0.7:6000");
 * assert.equal(formatAddress({ host: "::1", port: 6000 }), "[::1]:6000");
 * assert.equal(formatAddress({ path: "/run/chorus.sock" }), "unix:/run/chorus.sock");
 * ```
 */
export function formatAddress(address: Address): string {
  if ("path" in address) return `unix:${address.path}`;
  return address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** Of the names that are looked up, some have letters of other languages or `_`. */
const ADDRESS = /^(?:\[(?<v6>[0-9a-fA-F:.]+)\]|(?<host>[\p{L}\p{M}\p{N}._-]+)):(?<port>\d{1,5})$/u;

/**
 * Reads what {@linkcode formatAddress} writes.
 *
 * @example There and back
 * ```ts
 * import assert from "node:assert/strict";
 * import { formatAddress, parseAddress } from "chorus";
 *
 * const address = parseAddress("[::1]:6000");
 * assert.deepEqual(address, { host: "::1", port: 6000 });
 * assert.equal(formatAddress({ host: "::1", port: 6000 }), "[::1]:6000");
 * ```
 *
 * @returns The address, or a sentence that says what is wrong: found and allowed.
 */
export function parseAddress(text: string): Address | string {
  if (text.startsWith("unix:")) {
    const path = text.slice("unix:".length);
    return path === "" ? `"${text}" has no path; write unix:/path/to/socket` : { path };
  }
  const match = ADDRESS.exec(text);
  const { v6, host = v6, port: digits } = match?.groups ?? {};
  const port = Number(digits);
  if (host === undefined || (v6 !== undefined && isIP(v6) !== 6))
    return `"${text}" is not an address; write HOST:PORT, [IPV6]:PORT or unix:PATH`;
  if (port > 65_535) return `"${text}" has port ${port}; ports are 0 to 65535`;
  return { host, port };
}

/** Whether an address is TCP at an IP address, so that nothing has to be looked up. */
export function isLiteral(address: Address): address is TcpAddress {
  return "host" in address && isIP(address.host) !== 0;
}

/** The host of an address in one form, so that one client always counts as one: without IPv6's wrapping of IPv4. */
export function hostOf(address: Address): string {
  if ("path" in address) return "unix";
  return address.host.startsWith("::ffff:") && address.host.includes(".")
    ? address.host.slice(7)
    : address.host;
}

/** Networks whose addresses have more than one owner: link-local, and the translated IPv4 of RFC 6052. */
const SHARED = /^(?:fe[89ab][0-9a-f]:|64:ff9b::)/i;

/**
 * What a client is counted by where a host may have only so much: the host itself, but the first 64 bits of an IPv6 address, such as
 * `2001:db8:0:7::/64`. That is the least that anybody is given (RFC 6177), and who has it may come from 2^64 addresses. `::1` and addresses of
 * networks that many share, link-local ones and translated IPv4, stand for themselves.
 *
 * @param host As {@linkcode hostOf} gives it.
 */
export function networkOf(host: string): string {
  if (!host.includes(":") || host === "::1" || SHARED.test(host)) return host;
  const [head = "", tail] = host.split("::");
  const groups = head.split(":");
  // Groups that the two colons stand for are zero; the last four never matter, a tail of IPv4 counts as two.
  const after = tail ? tail.split(":").length + (tail.includes(".") ? 1 : 0) : 0;
  while (tail !== undefined && groups.length < 8 - after) groups.push("0");
  if (tail) groups.push(...tail.split(":"));
  return `${groups
    .slice(0, 4)
    .map((group) => group.toLowerCase().replace(/^0+(?=.)/, "") || "0")
    .join(":")}::/64`;
}

/** Whether a host reaches nobody outside of this machine: `localhost`, `::1` or 127.0.0.0/8. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(?:\.\d{1,3}){3}$/.test(host);
}
