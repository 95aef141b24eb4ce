import { crc32 } from "node:zlib";

/**
 * What tells a text from another one that was sent under the same id: its length and its CRC-32 (RFC 1952, 8), as one safe integer.
 *
 * Of the texts of one length one in four billion has the same. For whoever names a text anew by mistake that is rare enough, and it costs a
 * tenth of what a cryptographic hash does, which was 5 % of a server's time on Deno.
 */
export function fingerprintOf(text: string): number {
  return text.length * 2 ** 32 + crc32(text);
}
