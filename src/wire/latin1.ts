import { bufferOf } from "./buffer_of.ts";

/** Bytes as a text of as many characters: ASCII as it is, any other byte as the character of its number. */
export function latin1(bytes: Uint8Array): string {
  return bufferOf(bytes).toString("latin1");
}
