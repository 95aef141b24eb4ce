import { Buffer } from "node:buffer";
import { bufferOf } from "./buffer_of.ts";

const NEWLINE = 10;
const RETURN = 13;
const EMPTY = Buffer.alloc(0);

/** What a {@linkcode LineDecoder} finds, in the order of the bytes. */
export interface LineHandler {
  /**
   * A whole line, without its newline (`\n`, or `\r\n`). It may be a view into the chunk; nobody writes to it any more.
   *
   * @returns Whether to go on: false drops the rest.
   */
  line(line: Uint8Array): boolean;
  /** A line has more than the limit of bytes. The decoder is of no more use. */
  tooLong(): void;
}

/**
 * Splits bytes into lines, whatever the chunks.
 *
 * Holds at most one unfinished line, never more than `maxBytes`; a line may have `maxBytes` before its newline. Copies only
 * what is unfinished at the end of a chunk.
 *
 * @example Two lines in three chunks
 * ```ts
 * import assert from "node:assert/strict";
 * import { LineDecoder } from "./line_decoder.ts";
 *
 * const lines: string[] = [];
 * const decoder = new LineDecoder(100, {
 *   line: (line) => lines.push(new TextDecoder().decode(line)) > 0,
 *   tooLong: () => assert.fail(),
 * });
 * for (const chunk of ["on", "e\r\nt", "wo\n"]) decoder.push(new TextEncoder().encode(chunk));
 * assert.deepEqual(lines, ["one", "two"]);
 * ```
 */
export class LineDecoder {
  readonly #maxBytes: number;
  readonly #handler: LineHandler;
  /** The unfinished line, in the first bytes of a buffer that doubles as it grows. */
  #held: Buffer = EMPTY;
  #heldBytes = 0;
  #ended = false;

  constructor(maxBytes: number, handler: LineHandler) {
    this.#maxBytes = maxBytes;
    this.#handler = handler;
  }

  /** Bytes held of an unfinished line. */
  get pendingBytes(): number {
    return this.#heldBytes;
  }

  /** Takes the next bytes and calls the handler for each line that they complete. */
  push(bytes: Uint8Array): void {
    // A Buffer's indexOf is many times as fast as that of a plain Uint8Array on Node.
    const chunk = bufferOf(bytes);
    let start = 0;
    while (!this.#ended) {
      const end = chunk.indexOf(NEWLINE, start);
      if (end < 0) break;
      this.#finish(chunk.subarray(start, end));
      start = end + 1;
    }
    if (!this.#ended && start < chunk.length) this.#hold(chunk.subarray(start));
  }

  #finish(last: Buffer): void {
    let whole = last;
    if (this.#heldBytes > 0) {
      // One more than the limit may be the \r of a line that is just as long as allowed.
      if (this.#heldBytes + last.length > this.#maxBytes + 1) {
        this.#refuse();
        return;
      }
      this.#hold(last);
      whole = this.#held.subarray(0, this.#heldBytes);
      this.#drop();
    }
    const line = whole[whole.length - 1] === RETURN ? whole.subarray(0, -1) : whole;
    if (line.length > this.#maxBytes) this.#refuse();
    else if (!this.#handler.line(line)) this.#ended = true;
  }

  #hold(piece: Buffer): void {
    const wanted = this.#heldBytes + piece.length;
    if (wanted > this.#maxBytes + 1) {
      this.#refuse();
      return;
    }
    if (wanted > this.#held.length) {
      const larger = Buffer.allocUnsafe(
        Math.min(this.#maxBytes + 1, Math.max(wanted, this.#held.length * 2)),
      );
      this.#held.copy(larger, 0, 0, this.#heldBytes);
      this.#held = larger;
    }
    piece.copy(this.#held, this.#heldBytes);
    this.#heldBytes = wanted;
  }

  /** An idle connection holds no buffer. */
  #drop(): void {
    this.#held = EMPTY;
    this.#heldBytes = 0;
  }

  #refuse(): void {
    this.#ended = true;
    this.#drop();
    this.#handler.tooLong();
  }
}
