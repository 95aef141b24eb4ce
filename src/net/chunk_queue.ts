/** Freed slots at the front are kept until there are this many, so that taking a chunk moves none of the others. */
const COMPACT_AT = 1024;

/**
 * Bytes that wait to be sent, first in, first out, without copying what is large.
 *
 * Unbounded: whoever pushes stops when told to. Chunks are kept, not copied, so they must not change.
 */
export class ChunkQueue {
  #chunks: Uint8Array[] = [];
  #head = 0;
  /** How much of the first chunk is gone. */
  #offset = 0;
  #bytes = 0;

  /** How many bytes wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds a chunk at the back; an empty one is left out. */
  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
  }

  /**
   * The bytes at the front, at least one unless the queue is empty. They stay in the queue until {@linkcode ChunkQueue.drop}.
   *
   * @param maxBytes The most that is given.
   * @param joinBytes Chunks are copied together up to this size.
   */
  peek(maxBytes: number, joinBytes: number = maxBytes): Uint8Array {
    const first = this.#chunks[this.#head];
    if (first === undefined) return EMPTY;
    const left = first.length - this.#offset;
    const second = this.#chunks[this.#head + 1];
    if (second && left + second.length <= joinBytes) return this.#join(Math.min(joinBytes, this.#bytes));
    if (this.#offset === 0 && left <= maxBytes) return first;
    return first.subarray(this.#offset, this.#offset + Math.min(left, maxBytes));
  }

  /** Takes `bytes` away from the front; at most {@linkcode ChunkQueue.bytes}. */
  drop(bytes: number): void {
    this.#bytes -= bytes;
    let offset = this.#offset + bytes;
    for (
      let first = this.#chunks[this.#head];
      first && offset >= first.length;
      first = this.#chunks[this.#head]
    ) {
      offset -= first.length;
      this.#chunks[this.#head] = EMPTY;
      this.#head += 1;
    }
    this.#offset = offset;
    this.#compact();
  }

  /** Drops everything. */
  clear(): void {
    this.#chunks = [];
    this.#head = 0;
    this.#offset = 0;
    this.#bytes = 0;
  }

  #join(size: number): Uint8Array {
    const joined = new Uint8Array(size);
    let filled = 0;
    let offset = this.#offset;
    for (let index = this.#head; filled < size; index++) {
      const chunk = this.#chunks[index];
      if (chunk === undefined) break;
      const part = chunk.subarray(offset, offset + size - filled);
      joined.set(part, filled);
      filled += part.length;
      offset = 0;
    }
    return joined;
  }

  #compact(): void {
    if (this.#head === this.#chunks.length) {
      this.#chunks = [];
      this.#head = 0;
    } else if (this.#head >= COMPACT_AT && this.#head * 2 >= this.#chunks.length) {
      this.#chunks.splice(0, this.#head);
      this.#head = 0;
    }
  }
}

const EMPTY = new Uint8Array(0);
