import { Buffer } from "node:buffer";

/**
 * The same bytes as a `Buffer`, whose methods runtimes have made fast: itself where it is one, else a view of them.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { bufferOf } from "chorus";
 *
 * assert.equal(bufferOf(new Uint8Array([104, 105])).toString(), "hi");
 * ```
 */
export function bufferOf(bytes: Uint8Array): Buffer {
  return bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
