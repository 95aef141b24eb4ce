import { setImmediate } from "node:timers";
import type { Clock } from "../async/mod.ts";
import { ChunkQueue } from "./chunk_queue.ts";
import type { Address } from "./contract.ts";
import { NetError } from "./error.ts";
import { type ConnectionContext, StreamConnection, type Transport } from "./stream_connection.ts";

/** How the two sides of one connection in memory are joined; the network changes it on command. */
export interface MemoryLink {
  readonly clock: Clock;
  /** How long everything travels, in milliseconds; 0 for the next turn of the event loop. */
  readonly delayMs: number;
  /** The most that one `data` brings. */
  readonly maxChunkBytes: number;
  /** How much may be on its way in one direction before the writer has to wait. */
  readonly windowBytes: number;
  /** Nothing arrives while frozen. */
  isFrozen: boolean;
}

/** Bytes that were written together, or the last thing that is sent: the end or a reset. */
type Sent =
  | { readonly at: number; readonly bytes: number }
  | { readonly at: number; readonly last: "end" | "reset" };

/** One direction of a connection. It delivers what was sent even when its writer is over. */
class MemoryPipe {
  readonly #link: MemoryLink;
  readonly #queue: ChunkQueue = new ChunkQueue();
  readonly #sent: Sent[] = [];
  readonly #writer: MemoryTransport;
  readonly #reader: MemoryTransport;
  #isScheduled = false;
  #isDrainOwed = false;
  /** `gone`: the reader is closed, and answers bytes by a reset. `cut`: no more is sent, and nothing is answered. */
  #state: "open" | "gone" | "cut" = "open";

  constructor(link: MemoryLink, writer: MemoryTransport, reader: MemoryTransport) {
    this.#link = link;
    this.#writer = writer;
    this.#reader = reader;
  }

  /** Bytes for which there is no room on the way. */
  get waitingBytes(): number {
    return Math.max(0, this.#queue.bytes - this.#link.windowBytes);
  }

  send(chunk: Uint8Array): boolean {
    if (this.#state === "gone") this.#writer.refused();
    if (this.#state !== "open" || chunk.length === 0)
      return this.#state === "open" && this.waitingBytes === 0;
    this.#queue.push(chunk.slice());
    this.#sent.push({ at: this.#arrival(), bytes: chunk.length });
    this.schedule();
    if (this.waitingBytes === 0) return true;
    this.#isDrainOwed = true;
    return false;
  }

  /** Sends the end after what is on its way. */
  end(): void {
    if (this.#state !== "open") return;
    this.#sent.push({ at: this.#arrival(), last: "end" });
    this.schedule();
  }

  /** The reader is closed. True when bytes were on their way to it, which are dropped. */
  leave(): boolean {
    this.#state = "gone";
    const hadBytes = this.#queue.bytes > 0;
    this.#drop();
    return hadBytes;
  }

  /** Drops what is on its way and takes no more. */
  cut(): void {
    this.#state = "cut";
    this.#drop();
  }

  /** The same, and resets the reader. */
  reset(): void {
    this.cut();
    this.#sent.push({ at: this.#arrival(), last: "reset" });
    this.schedule();
  }

  /** Delivers what has arrived in a later turn, or when it arrives. */
  schedule(): void {
    const next = this.#sent[0];
    if (this.#isScheduled || this.#link.isFrozen || next === undefined || !this.#reader.isReady(next)) return;
    this.#isScheduled = true;
    const deliver = (): void => {
      this.#isScheduled = false;
      this.#deliver();
      this.schedule();
    };
    const delayMs = next.at - this.#link.clock.now();
    if (this.#link.delayMs === 0) setImmediate(deliver);
    else this.#link.clock.after(Math.max(0, delayMs), deliver);
  }

  #drop(): void {
    this.#queue.clear();
    this.#sent.length = 0;
  }

  #arrival(): number {
    return this.#link.clock.now() + this.#link.delayMs;
  }

  #deliver(): void {
    const now = this.#link.clock.now();
    for (let next = this.#sent[0]; next && next.at <= now; next = this.#sent[0]) {
      if (this.#link.isFrozen || !this.#reader.isReady(next)) break;
      this.#sent.shift();
      if ("last" in next) this.#reader.arrived(next.last);
      else this.#deliverBytes(next.at, next.bytes);
    }
    if (this.waitingBytes > 0) return;
    const isDrainOwed = this.#isDrainOwed;
    this.#isDrainOwed = false;
    this.#writer.flushed(isDrainOwed);
  }

  #deliverBytes(at: number, bytes: number): void {
    const chunk = this.#queue.peek(Math.min(bytes, this.#link.maxChunkBytes), 0);
    this.#queue.drop(chunk.length);
    if (chunk.length < bytes) this.#sent.unshift({ at, bytes: bytes - chunk.length });
    this.#reader.received(chunk);
  }
}

/** One side of a connection in memory as a {@linkcode Transport}. */
export class MemoryTransport implements Transport {
  readonly remote: Address;
  readonly local: Address;
  readonly connection: StreamConnection;
  #input: MemoryPipe | undefined;
  #output: MemoryPipe | undefined;
  #phase: "open" | "ended" | "closed" = "open";
  #hasInputEnded = false;
  #isPaused = false;
  #onClosed: (() => void) | undefined;

  constructor(local: Address, remote: Address, context: ConnectionContext) {
    this.local = local;
    this.remote = remote;
    this.connection = new StreamConnection(this, context);
  }

  /** Sets where its bytes come from and go to, and what is told when it closes. */
  join(input: MemoryPipe, output: MemoryPipe, onClosed: () => void): void {
    this.#input = input;
    this.#output = output;
    this.#onClosed = onClosed;
  }

  get queuedBytes(): number {
    return this.#output?.waitingBytes ?? 0;
  }

  get isFlushed(): boolean {
    return this.#phase === "ended" && this.queuedBytes === 0;
  }

  write(chunk: Uint8Array): boolean {
    return this.#output?.send(chunk) ?? false;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#input?.schedule();
  }

  end(): void {
    this.#phase = "ended";
    this.#output?.end();
    queueMicrotask(() => this.#finish());
  }

  destroy(): void {
    if (this.#phase === "open") this.#output?.end();
    if (this.#input?.leave()) this.#output?.reset();
    this.#close();
  }

  reset(): void {
    this.#input?.cut();
    this.#output?.reset();
    this.#close();
  }

  /** Whether it takes what comes next: a reset always, bytes and the end unless paused. */
  isReady(next: Sent): boolean {
    return !this.#isPaused || ("last" in next && next.last === "reset");
  }

  received(chunk: Uint8Array): void {
    this.connection.received(chunk);
  }

  arrived(last: "end" | "reset"): void {
    if (this.#phase === "closed") return;
    if (last === "end") {
      this.#hasInputEnded = true;
      this.connection.ended();
      this.#finish();
    } else {
      this.#output?.cut();
      this.#setClosed();
      this.connection.over(new NetError("reset", "Cannot go on: reset"));
    }
  }

  /** Everything that was written is on its way. */
  flushed(isDrainOwed: boolean): void {
    if (isDrainOwed) this.connection.drained();
    this.#finish();
  }

  /** The other side is closed and answers what was sent to it. */
  refused(): void {
    this.#input?.reset();
  }

  #finish(): void {
    if (!this.isFlushed || !this.#hasInputEnded) return;
    this.#setClosed();
    this.connection.over();
  }

  #close(): void {
    if (this.#phase === "closed") return;
    this.#setClosed();
    queueMicrotask(() => this.connection.over());
  }

  #setClosed(): void {
    this.#phase = "closed";
    this.#onClosed?.();
  }
}

/**
 * Joins two sides.
 *
 * @param onClosed Called when both are closed.
 * @returns What makes them go on after the link has changed.
 */
export function joinTransports(
  link: MemoryLink,
  one: MemoryTransport,
  other: MemoryTransport,
  onClosed: () => void,
): () => void {
  const there = new MemoryPipe(link, one, other);
  const back = new MemoryPipe(link, other, one);
  let open = 2;
  const closed = (): void => {
    open -= 1;
    if (open === 0) onClosed();
  };
  one.join(back, there, closed);
  other.join(there, back, closed);
  return () => {
    there.schedule();
    back.schedule();
  };
}
