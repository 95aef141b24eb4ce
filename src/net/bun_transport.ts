import type { Socket } from "bun";
import { ChunkQueue } from "./chunk_queue.ts";
import type { Address } from "./contract.ts";
import { toNetError } from "./error.ts";
import { keepAliveMs } from "./keep_alive.ts";
import { type Ends, SOCKET_OPTIONS } from "./node_transport.ts";
import { type ConnectionContext, StreamConnection, type Transport } from "./stream_connection.ts";
import type { WriteTurn } from "./write_turn.ts";

/** Small writes are joined up to this size for one system call; when as much has gathered it goes out before the turn ends. */
const BATCH_BYTES = 64 * 1024;

/** Whoever the events of a native socket go to. */
export interface SocketOwner {
  onOpen(socket: BunSocket): void;
  onData(chunk: Uint8Array): void;
  onDrain(): void;
  onEnd(): void;
  onClose(error: Error | undefined): void;
}

/** A native socket of Bun; its `data` is its owner. */
export type BunSocket = Socket<SocketOwner | undefined>;

/**
 * What happens to a written chunk: `idle` and `gathering`, it waits for the end of this turn, so that a turn's writes are one
 * system call; `blocked` and `awaited`, it waits behind what the system had no room for, in the latter case with someone who waits to be
 * told that there is room.
 */
type Output = "idle" | "gathering" | "blocked" | "awaited";

/** A native socket of Bun as a {@linkcode Transport}. */
export class BunTransport implements Transport, SocketOwner {
  readonly remote: Address;
  readonly local: Address;
  readonly connection: StreamConnection;
  readonly #socket: BunSocket;
  readonly #turn: WriteTurn;
  /** What waits behind the chunk of this turn, or for the system; made when first needed. */
  #queue: ChunkQueue | undefined;
  #output: Output = "idle";
  /** The one chunk of this turn, until there is a second. */
  #only: Uint8Array | undefined;
  /** How far our side is: `ending` with bytes still to send, `ended` when the other side was told. */
  #phase: "open" | "ending" | "ended" = "open";
  #isClosed = false;
  #isPaused = false;
  /** What came in spite of the pause: Bun reads once more when the other side resets. */
  #held: Uint8Array[] | undefined;

  constructor(socket: BunSocket, ends: Ends, turn: WriteTurn, context: ConnectionContext) {
    this.#socket = socket;
    this.#turn = turn;
    this.remote = ends.remote;
    this.local = ends.local;
    this.connection = new StreamConnection(this, context);
    socket.data = this;
    socket.setNoDelay(SOCKET_OPTIONS.noDelay);
    socket.setKeepAlive(true, keepAliveMs());
  }

  get queuedBytes(): number {
    return (this.#queue?.bytes ?? 0) + (this.#only?.length ?? 0);
  }

  get isFlushed(): boolean {
    return this.#phase === "ended";
  }

  write(chunk: Uint8Array): boolean {
    const hasRoom = this.#take(chunk);
    if (!hasRoom && this.#output === "blocked") this.#output = "awaited";
    return hasRoom;
  }

  pause(): void {
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (this.#held) queueMicrotask(() => this.#giveHeld());
    this.#socket.resume();
  }

  end(): void {
    this.#phase = "ending";
    this.#queueOnly();
    if (!this.#isBlocked && this.#flush()) this.#shut();
  }

  destroy(): void {
    if (this.#close()) this.#socket.end();
  }

  reset(): void {
    if (this.#close()) this.#socket.terminate();
  }

  /** The turn whose writes were gathered is over. */
  flushTurn(): void {
    if (this.#output !== "gathering") return;
    const only = this.#only;
    this.#only = undefined;
    this.#output = "idle";
    if (only) this.#send(only);
    else this.#flush();
  }

  onOpen(): void {
    // Open already: this is what it was made of.
  }

  onData(chunk: Uint8Array): void {
    if (!this.#isPaused) {
      this.#turn.begin();
      this.connection.received(chunk);
      this.#turn.end();
    } else if (this.#held) this.#held.push(chunk);
    else this.#held = [chunk];
  }

  onDrain(): void {
    const isAwaited = this.#output === "awaited";
    if (!this.#isBlocked || !this.#flush()) return;
    if (this.#phase === "ending") this.#shut();
    else if (isAwaited) this.connection.drained();
  }

  onEnd(): void {
    this.connection.ended();
  }

  onClose(error: Error | undefined): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.connection.over(error && toNetError(error, "go on"));
    this.#only = undefined;
    this.#queue?.clear();
  }

  get #isBlocked(): boolean {
    return this.#output === "blocked" || this.#output === "awaited";
  }

  #take(chunk: Uint8Array): boolean {
    if (this.#output === "idle") {
      if (chunk.length >= BATCH_BYTES) return this.#send(chunk);
      this.#output = "gathering";
      this.#only = chunk;
      this.#turn.wait(this);
      return true;
    }
    this.#queueOnly();
    const queue = this.#enqueue(chunk);
    if (this.#isBlocked) return false;
    return queue.bytes < BATCH_BYTES || this.#flush();
  }

  #enqueue(chunk: Uint8Array): ChunkQueue {
    this.#queue ??= new ChunkQueue();
    this.#queue.push(chunk);
    return this.#queue;
  }

  #queueOnly(): void {
    if (this.#only) this.#enqueue(this.#only);
    this.#only = undefined;
  }

  /** Sends a chunk with nothing before it; what the system has no room for waits. */
  #send(chunk: Uint8Array): boolean {
    const sent = this.#socket.write(chunk);
    if (sent === chunk.length) return true;
    if (sent < 0) return false;
    this.#enqueue(chunk.subarray(sent));
    this.#output = "blocked";
    return false;
  }

  /** Sends what waits; true when the system has taken all of it. */
  #flush(): boolean {
    const queue = this.#queue;
    while (queue && queue.bytes > 0) {
      const piece = queue.peek(Number.POSITIVE_INFINITY, BATCH_BYTES);
      const sent = this.#socket.write(piece);
      // Closed: whoever waits hears of it by `close`.
      if (sent < 0) queue.clear();
      else queue.drop(sent);
      if (sent < piece.length) {
        if (!this.#isBlocked) this.#output = "blocked";
        return false;
      }
    }
    this.#output = "idle";
    return true;
  }

  #shut(): void {
    this.#phase = "ended";
    this.#socket.shutdown();
  }

  /** Bun reports the close of its own accord only before it returns from it, which is too early. */
  #close(): boolean {
    if (this.#isClosed) return false;
    this.#isClosed = true;
    this.#only = undefined;
    this.#queue?.clear();
    queueMicrotask(() => this.connection.over());
    return true;
  }

  #giveHeld(): void {
    while (!this.#isPaused) {
      const chunk = this.#held?.shift();
      if (chunk === undefined) break;
      this.connection.received(chunk);
    }
    if (this.#held?.length === 0) this.#held = undefined;
  }
}
