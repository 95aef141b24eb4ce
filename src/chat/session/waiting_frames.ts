/** Frames that wait for their turn, in order. As many as one chunk held: nothing more is read while there is one. */
export class WaitingFrames {
  #frames: Uint8Array[] = [];
  #next = 0;

  get isEmpty(): boolean {
    return this.#next === this.#frames.length;
  }

  add(frame: Uint8Array): void {
    this.#frames.push(frame);
  }

  /** The next one, which waits no longer. */
  take(): Uint8Array | undefined {
    const frame = this.#frames[this.#next];
    if (frame) this.#next += 1;
    if (this.isEmpty) this.clear();
    return frame;
  }

  clear(): void {
    if (this.#frames.length > 0) this.#frames = [];
    this.#next = 0;
  }
}
