/**
 * Reads numbers and runs of bytes, one after the other, in network order.
 *
 * Never throws: what is asked for beyond the end is 0 or empty, and `isShort` says from then on that something was missing.
 */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  #isShort = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** How many bytes have been read. */
  get offset(): number {
    return this.#at;
  }

  /** How many bytes are left. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** Whether more was asked for than there was. Nothing more can be read then. */
  get isShort(): boolean {
    return this.#isShort;
  }

  /** A whole number of 1 to 4 bytes. */
  number(size: 1 | 2 | 3 | 4): number {
    return this.take(size).reduce((sum, byte) => sum * 256 + byte, 0);
  }

  /** The next bytes, as a view. */
  take(length: number): Uint8Array {
    if (length > this.left) {
      this.#isShort = true;
      this.#at = this.#bytes.length;
    }
    const start = this.#at;
    if (!this.#isShort) this.#at += length;
    return this.#bytes.subarray(start, this.#at);
  }

  /** A length of `size` bytes, and as many bytes as it says, as a view. */
  vector(size: 1 | 2): Uint8Array {
    return this.take(this.number(size));
  }
}
