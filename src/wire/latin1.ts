import { Buffer } from "node:buffer";

/** Bytes as a text of as many characters: ASCII as it is, any other byte as the character of its number. */
export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}
