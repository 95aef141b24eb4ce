/** Frames that wait for their turn, and their bytes, that are too many. */
const MAX_FRAMES = 8192;
const MAX_BYTES = 1_048_576;

/** Frames that wait for their turn, in order. As many as were on their way when reading stopped: nothing more is read while there is one. */
export class WaitingFrames {
  #frames: Uint8Array[] = [];
  #next = 0;
  #bytes = 0;

  /** More wait than a client sends that is not read from: the transport has not stopped it. */
  get isFull(): boolean {
    return this.#frames.length - this.#next > MAX_FRAMES || this.#bytes > MAX_BYTES;
  }

  get isEmpty(): boolean {
    return this.#next === this.#frames.length;
  }

  add(frame: Uint8Array): void {
    this.#frames.push(frame);
    this.#bytes += frame.length;
  }

  /** The next one, which waits no longer. */
  take(): Uint8Array | undefined {
    const frame = this.#frames[this.#next];
    if (frame) {
      this.#next += 1;
      this.#bytes -= frame.length;
    }
    if (this.isEmpty) this.clear();
    return frame;
  }

  clear(): void {
    if (this.#frames.length > 0) this.#frames = [];
    this.#next = 0;
    this.#bytes = 0;
  }
}
