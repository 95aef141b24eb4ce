/**
 * The PROXY protocol, versions 1 and 2: for whom a connection is, said before its first byte.
 *
 * As specified by Willy Tarreau, HAProxy Technologies: "The PROXY protocol, Versions 1 & 2" (`doc/proxy-protocol.txt` of HAProxy).
 *
 * @module
 */
import { hexOf, MORE, none, type Peek } from "./peek.ts";
import type { ProxyHeader } from "./proxy_route.ts";
import { decodeV1, encodeV1, V1_SIGNATURE } from "./proxy_v1.ts";
import { decodeV2, encodeV2, V2_SIGNATURE } from "./proxy_v2.ts";

function beginsAs(signature: readonly number[], bytes: Uint8Array): boolean {
  const length = Math.min(signature.length, bytes.length);
  for (let at = 0; at < length; at++) if (signature[at] !== bytes[at]) return false;
  return true;
}

/**
 * Whether the bytes so far, one or more, begin as a PROXY header does, or may yet.
 *
 * One byte tells it from JSON, TLS and most of HTTP; a request whose method begins with `P` may need up to five more.
 */
export function isProxySignaturePrefix(bytes: Uint8Array): boolean {
  return beginsAs(V1_SIGNATURE, bytes) || beginsAs(V2_SIGNATURE, bytes);
}

/** Whether the bytes begin with the whole signature of a PROXY header: fewer are none, where no more will come, as in a datagram. */
export function hasProxySignature(bytes: Uint8Array): boolean {
  const isWhole = (signature: readonly number[]): boolean =>
    bytes.length >= signature.length && beginsAs(signature, bytes);
  return isWhole(V1_SIGNATURE) || isWhole(V2_SIGNATURE);
}

/**
 * Reads a PROXY header of either version from the first bytes of a connection.
 *
 * Takes at most {@linkcode MAX_V1_BYTES} or {@linkcode MAX_V2_BYTES}. Strict: whatever the specification does not allow is refused.
 * IP addresses are in their one form, so that those of two headers compare as texts. A checksum is verified where there is one. The
 * values of TLVs are copies.
 *
 * @example The client's address, and where its own bytes begin
 * ```ts
 * import assert from "node:assert/strict";
 * import { decodeProxyHeader } from "./proxy_header.ts";
 *
 * const bytes = new TextEncoder().encode("PROXY TCP4 192.0.2.7 10.0.0.1 56324 443\r\nhello");
 * const peek = decodeProxyHeader(bytes);
 * assert(peek.state === "found" && peek.value.kind === "relayed");
 * assert.deepEqual(peek.value.source, { host: "192.0.2.7", port: 56324 });
 * assert.equal(new TextDecoder().decode(bytes.subarray(peek.length)), "hello");
 * assert.equal(decodeProxyHeader(bytes.subarray(0, 20)).state, "more");
 * ```
 */
export function decodeProxyHeader(bytes: Uint8Array): Peek<ProxyHeader> {
  if (bytes.length === 0) return MORE;
  if (beginsAs(V1_SIGNATURE, bytes)) return bytes.length < V1_SIGNATURE.length ? MORE : decodeV1(bytes);
  if (beginsAs(V2_SIGNATURE, bytes)) return decodeV2(bytes);
  return none(
    `the first byte is ${hexOf(bytes[0])}; a PROXY header begins with "PROXY " or with the signature of version 2`,
  );
}

/**
 * Writes a PROXY header.
 *
 * Version 1 can only tell of streams over IP: all else is `UNKNOWN` in it, and TLVs have no place. In version 2 the value of a TLV of
 * type `crc32c` is computed, whatever it was. IPv4 addresses that are written as IPv6 (`::ffff:10.0.0.7`) become IPv4 where both ends
 * are such; zones are left out.
 *
 * @throws {RangeError} when a host is no IP address, a port is none, one end has a path and the other has not, a path has more than
 * 108 bytes, the type of a TLV is none, or the whole is longer than {@linkcode MAX_V2_BYTES}.
 */
export function encodeProxyHeader(header: ProxyHeader, version: 1 | 2): Uint8Array {
  return version === 1 ? encodeV1(header) : encodeV2(header);
}
