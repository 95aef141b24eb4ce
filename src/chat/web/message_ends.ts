/** Of a frame's second byte: whether a mask follows its length, and the length or how the length is said. */
const MASKED = 0x80;
const LENGTH = 0x7f;
/** By what stands in place of a length: in how many bytes it follows. */
const LENGTH_BYTES: Readonly<Record<number, number>> = { 126: 2, 127: 8 };
/** Of a frame's first byte: whether it is its message's last frame, and whether it is of no message, but a ping or the like. */
const FINAL = 0x80;
const CONTROL = 0x08;

/**
 * Where the messages of a WebSocket's client end, found on their way to the server by the heads of their frames.
 *
 * Nothing is checked, which is the server's business: of bytes that are no WebSocket it finds something or other.
 *
 * Source: RFC 6455, 5.2.
 */
export class MessageEnds {
  readonly #ends: number[] = [];
  readonly #head: number[] = [];
  #at = 0;
  #payloadLeft = 0;
  #isFinal = false;

  /** Goes on with what the client has sent next. */
  read(chunk: Uint8Array): void {
    for (let index = 0; index < chunk.length; ) {
      if (this.#payloadLeft > 0) {
        const part = Math.min(this.#payloadLeft, chunk.length - index);
        this.#payloadLeft -= part;
        index += part;
      } else {
        this.#head.push(chunk[index] ?? 0);
        index += 1;
        if (!this.#takeHead()) continue;
      }
      if (this.#payloadLeft === 0 && this.#isFinal) this.#ends.push(this.#at + index);
    }
    this.#at += chunk.length;
  }

  /** Where the next message ends, counted from the first byte; undefined if no other has ended. */
  next(): number | undefined {
    return this.#ends.shift();
  }

  /** Whether the head is whole, so that a payload follows. */
  #takeHead(): boolean {
    const [first = 0, second] = this.#head;
    if (second === undefined) return false;
    const short = second & LENGTH;
    const lengthBytes = LENGTH_BYTES[short] ?? 0;
    const maskBytes = second & MASKED ? 4 : 0;
    if (this.#head.length < 2 + lengthBytes + maskBytes) return false;
    const long = this.#head.slice(2, 2 + lengthBytes);
    this.#payloadLeft = lengthBytes === 0 ? short : long.reduce((length, byte) => length * 256 + byte);
    this.#isFinal = (first & FINAL) !== 0 && (first & CONTROL) === 0;
    this.#head.length = 0;
    return true;
  }
}
