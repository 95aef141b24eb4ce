import { ChunkQueue } from "./chunk_queue.ts";
import type { Address } from "./contract.ts";
import { toNetError } from "./error.ts";
import { READ_BYTES, SOCKET_OPTIONS, tcpAddress } from "./node_transport.ts";
import {
  type ConnectionContext,
  type MovableTransport,
  StreamConnection,
  type Transport,
  type TransportEvents,
} from "./stream_connection.ts";

/** What a connection waits with, so that an idle one holds little; enough for most messages. */
const IDLE_BYTES = 2 * 1024;
/** What it reads with while more comes. */
const BUSY_BYTES = READ_BYTES;
/** Buffers for what is busy that nobody has: new ones would have to be cleared. */
const SPARE: Uint8Array<ArrayBuffer>[] = [];
const MAX_SPARE = 16;
/** `write` asks to stop when this much waits: Deno takes nothing before the turn is over. */
const HIGH_WATER_BYTES = 64 * 1024;

/** How far our side is: `ending` with bytes still to send, `ended` when the other side was told. */
type Phase = "open" | "ending" | "ended";

/** A native connection of Deno as a {@linkcode Transport}. Deno cannot send a reset: aborting closes. */
export class DenoTransport implements MovableTransport {
  readonly remote: Address;
  readonly local: Address;
  readonly connection: StreamConnection;
  readonly #native: Deno.TcpConn;
  readonly #queue: ChunkQueue = new ChunkQueue();
  #events: TransportEvents;
  #phase: Phase = "open";
  #hasInputEnded = false;
  #isClosed = false;
  /** Settles when nothing waits any more; undefined when nothing does. Never rejects. */
  #writing: Promise<void> | undefined;
  #isDrainOwed = false;
  #isPaused = false;
  #resumed: (() => void) | undefined;
  /** Where all that is read goes, as far as known. */
  #borrower: DenoTransport | undefined;
  /** Whose bytes wait here. */
  #lender: DenoTransport | undefined;
  /** Ends the wait for what was lent: whether it was sent. */
  #returned: ((isSent: boolean) => void) | undefined;

  constructor(native: Deno.TcpConn, context: ConnectionContext) {
    this.#native = native;
    this.remote = tcpAddress(native.remoteAddr.hostname, native.remoteAddr.port);
    this.local = tcpAddress(native.localAddr.hostname, native.localAddr.port);
    native.setNoDelay(SOCKET_OPTIONS.noDelay);
    native.setKeepAlive(true);
    this.connection = new StreamConnection(this, context);
    this.#events = this.connection;
    // Owned by the connection: reading ends with it and fails through it. The first bytes come in a later turn.
    this.#readAll().catch((cause: unknown) => this.#fail(cause));
  }

  attach(events: TransportEvents): void {
    this.#events = events;
  }

  lendTo(other: Transport | undefined): void {
    this.#borrower = other instanceof DenoTransport ? other : undefined;
    if (!this.#borrower) this.#giveBack(false);
  }

  get queuedBytes(): number {
    return this.#queue.bytes;
  }

  get isFlushed(): boolean {
    return this.#phase === "ended";
  }

  write(chunk: Uint8Array): boolean {
    this.#queue.push(chunk);
    this.#startWriting();
    if (this.#queue.bytes < HIGH_WATER_BYTES) return true;
    this.#isDrainOwed = true;
    return false;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#resumed?.();
    this.#resumed = undefined;
  }

  end(): void {
    this.#phase = "ending";
    this.#startWriting();
  }

  destroy(): void {
    this.reset();
  }

  reset(): void {
    if (this.#close()) queueMicrotask(() => this.#events.over());
  }

  async #readAll(): Promise<void> {
    let buffer = new Uint8Array(IDLE_BYTES);
    while (!this.#isClosed) {
      if (this.#isPaused) await this.#untilResumed();
      if (this.#isClosed) return;
      const count = await this.#native.read(buffer);
      // What was being read when the connection was paused waits here.
      if (this.#isPaused) await this.#untilResumed();
      if (count === null) {
        this.#inputEnded();
        return;
      }
      const borrower = this.#borrower;
      if (borrower) {
        this.#events.received(buffer.subarray(0, count));
        buffer = nextBuffer(buffer, count, await borrower.#untilSent(this));
      } else buffer = this.#give(buffer, count);
    }
  }

  /** Gives away what was read, and returns what to read with next: never bytes that were given away. */
  #give(buffer: Uint8Array<ArrayBuffer>, count: number): Uint8Array<ArrayBuffer> {
    const isMostlyEmpty = count < buffer.length / 2;
    this.#events.received(isMostlyEmpty ? buffer.slice(0, count) : buffer.subarray(0, count));
    return nextBuffer(buffer, count, isMostlyEmpty);
  }

  /** Waits until what `lender` has lent is sent; not when it lends no more. @returns Whether it was sent. */
  async #untilSent(lender: DenoTransport): Promise<boolean> {
    if (!this.#writing) return true;
    this.#lender = lender;
    return await new Promise<boolean>((resolve) => {
      lender.#returned = resolve;
    });
  }

  #giveBack(isSent: boolean): void {
    this.#returned?.(isSent);
    this.#returned = undefined;
  }

  #inputEnded(): void {
    this.#hasInputEnded = true;
    this.#events.ended();
    this.#finishWhenEnded();
  }

  /** By the time that a wait is over it may be paused again: whoever resumes and pauses in one turn gets nothing in between. */
  async #untilResumed(): Promise<void> {
    while (this.#isPaused && !this.#isClosed)
      await new Promise<void>((resolve) => {
        this.#resumed = resolve;
      });
  }

  #startWriting(): void {
    if (this.#writing || this.#isClosed || (this.#queue.bytes === 0 && this.#phase === "open")) return;
    // Owned by the connection, as reading is.
    this.#writing = this.#writeAll().catch((cause: unknown) => this.#fail(cause));
  }

  async #writeAll(): Promise<void> {
    while (this.#queue.bytes > 0) {
      const count = await this.#native.write(this.#queue.peek(Number.POSITIVE_INFINITY, BUSY_BYTES));
      if (this.#isClosed) return;
      this.#queue.drop(count);
      if (this.#queue.bytes === 0 && this.#isDrainOwed) {
        this.#isDrainOwed = false;
        this.#events.drained();
      }
    }
    this.#writing = undefined;
    if (this.#lender) this.#lender.#giveBack(true);
    if (this.#phase !== "ending" || this.#isClosed) return;
    await this.#native.closeWrite();
    this.#phase = "ended";
    this.#finishWhenEnded();
  }

  #finishWhenEnded(): void {
    if (this.#phase === "ended" && this.#hasInputEnded && this.#close()) this.#events.over();
  }

  #fail(cause: unknown): void {
    if (this.#close()) this.#events.over(toNetError(cause, "go on"));
  }

  /** Closes the descriptor; false when it is closed already. What is under way is interrupted. */
  #close(): boolean {
    if (this.#isClosed) return false;
    this.#isClosed = true;
    this.#queue.clear();
    this.#resumed?.();
    this.#giveBack(false);
    if (this.#lender) this.#lender.#giveBack(false);
    this.#native.close();
    return true;
  }
}

/**
 * What to read with after `count` bytes came: more while more comes, little when there was no more, since it may be idle then.
 *
 * @param isFree Whether nobody else has the last buffer: then it serves again, here or elsewhere.
 */
function nextBuffer(last: Uint8Array<ArrayBuffer>, count: number, isFree: boolean): Uint8Array<ArrayBuffer> {
  const size = count === last.length ? BUSY_BYTES : IDLE_BYTES;
  if (isFree && size === last.length) return last;
  if (isFree && last.length === BUSY_BYTES && SPARE.length < MAX_SPARE) SPARE.push(last);
  return (size === BUSY_BYTES ? SPARE.pop() : undefined) ?? new Uint8Array(size);
}
