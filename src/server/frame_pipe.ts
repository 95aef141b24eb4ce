import { Buffer } from "node:buffer";
import { deserialize, serialize } from "node:v8";

const HEADER_BYTES = 4;

/** Writes a value as structured clone would copy it, with its length before it. Both ends must run on the same runtime. */
export function encodeValue(value: unknown): Buffer {
  const body = serialize(value);
  const frame = Buffer.allocUnsafe(HEADER_BYTES + body.length);
  frame.writeUInt32LE(body.length, 0);
  frame.set(body, HEADER_BYTES);
  return frame;
}

/** Reads what {@linkcode encodeValue} wrote, whatever the chunks. */
export class ValueDecoder {
  readonly #onValue: (value: unknown) => void;
  #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(onValue: (value: unknown) => void) {
    this.#onValue = onValue;
  }

  /** Takes the next bytes. */
  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    // Pieces of a large value are joined once, when all of them are there.
    if (this.#bytes < this.#wanted()) return;
    const bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    let start = 0;
    while (bytes.length - start >= HEADER_BYTES) {
      const end = start + HEADER_BYTES + bytes.readUInt32LE(start);
      if (end > bytes.length) break;
      // A copy with a buffer of its own: inside of a larger one, Deno 2.9 finds a value's bytes at the wrong place.
      this.#onValue(deserialize(new Uint8Array(bytes.subarray(start + HEADER_BYTES, end))));
      start = end;
    }
    this.#chunks = start < bytes.length ? [bytes.subarray(start)] : [];
    this.#bytes = bytes.length - start;
  }

  /** The bytes of the value that has begun, as far as its length is known. */
  #wanted(): number {
    const [first] = this.#chunks;
    return first && first.length >= HEADER_BYTES ? HEADER_BYTES + first.readUInt32LE(0) : HEADER_BYTES;
  }
}
