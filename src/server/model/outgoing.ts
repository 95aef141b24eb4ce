import { ChunkQueue } from "../../net/mod.ts";
import { type Lane, WINDOW_BYTES } from "./lane.ts";

/** The bytes that one end of a relay sends: at most {@linkcode WINDOW_BYTES} that the other end has not taken; the rest waits. */
export class Outgoing {
  readonly #lane: Lane;
  readonly #queue = new ChunkQueue();
  #sentBytes = 0;
  #untakenBytes = 0;
  /** Our end: asked for, and told once everything was sent. */
  #end: "open" | "asked" | "told" = "open";

  constructor(lane: Lane) {
    this.#lane = lane;
  }

  /** Bytes that wait or were not taken yet. */
  get bytes(): number {
    return this.#queue.bytes + this.#untakenBytes;
  }

  /** Bytes that the window has no room for. */
  get waitingBytes(): number {
    return this.#queue.bytes;
  }

  /** Whether everything was taken, and our end is told. */
  get isDone(): boolean {
    return this.#end === "told" && this.#untakenBytes === 0;
  }

  push(chunk: Uint8Array): void {
    this.#queue.push(chunk);
    this.#send();
  }

  end(): void {
    this.#end = "asked";
    this.#send();
  }

  /** The other end has taken bytes. */
  taken(bytes: number): void {
    this.#untakenBytes -= bytes;
    this.#send();
  }

  /** Drops what waits. */
  clear(): void {
    this.#queue.clear();
  }

  #send(): void {
    while (this.#queue.bytes > 0 && this.#untakenBytes < WINDOW_BYTES) {
      const piece = this.#queue.peek(WINDOW_BYTES - this.#untakenBytes);
      this.#lane.sendBytes(piece);
      this.#queue.drop(piece.length);
      this.#untakenBytes += piece.length;
      this.#sentBytes += piece.length;
    }
    if (this.#end !== "asked" || this.#queue.bytes > 0) return;
    this.#end = "told";
    this.#lane.tell({ ended: this.#sentBytes });
  }
}
