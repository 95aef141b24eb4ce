import type { OnReadOpts, Socket } from "node:net";
import { setImmediate } from "node:timers";
import { ChunkQueue } from "./chunk_queue.ts";
import type { Address, TcpAddress } from "./contract.ts";
import { type NetError, toNetError } from "./error.ts";
import {
  type ConnectionContext,
  type MovableTransport,
  StreamConnection,
  type Transport,
  type TransportEvents,
} from "./stream_connection.ts";

/** What every socket is given, beside {@linkcode keepAliveMs}. */
export const SOCKET_OPTIONS = { allowHalfOpen: true, noDelay: true } as const;

/** Larger writes are given to the stream in pieces, so that progress towards a slow reader can be seen. */
const PIECE_BYTES = 64 * 1024;

/**
 * What one read may bring: just less than 64 KiB, a prime, so that the last read of an answer hardly ever fills it, and nothing is held for a
 * connection that is idle again.
 */
export const READ_BYTES = 65_521;
/** What all sockets with an {@linkcode Intake} read into unless they are busy: a copy is given away before another one reads. */
const SHARED = new Uint8Array(READ_BYTES);

/**
 * Has a dialed socket of Node read into bytes that are there already: otherwise Node makes 64 KiB for each read, which the system has to clear. A
 * socket that was accepted cannot be told so.
 */
export class Intake {
  /** To be set before the socket reads. */
  transport: NodeTransport | undefined;
  #next: Uint8Array = SHARED;

  /** As `onread` of `node:net`. */
  readonly options: OnReadOpts = {
    buffer: () => this.#next,
    callback: (count, bytes) => {
      this.#next = this.transport?.take(count, bytes) ?? SHARED;
      return true;
    },
  };
}

/** The two ends of a socket. */
export interface Ends {
  readonly remote: Address;
  readonly local: Address;
}

/** A connected socket of `node:net` or `node:tls`, or one made of a handle, as a {@linkcode Transport}. */
export class NodeTransport implements MovableTransport {
  readonly remote: Address;
  readonly local: Address;
  readonly #socket: Socket;
  /** The socket that carries {@linkcode NodeTransport.#socket} where that one speaks TLS; else the same. */
  readonly #carrier: Socket;
  readonly #onData = (chunk: Uint8Array): void => this.#events?.received(chunk);
  #events: TransportEvents | undefined;
  /** What waits behind the stream's own buffer; made when first needed. */
  #queue: ChunkQueue | undefined;
  #isEnding = false;
  #isPaused = false;
  #isHeld = false;
  /** Where all that is read goes, as far as known. */
  #borrower: NodeTransport | undefined;
  #error: NetError | undefined;

  constructor(socket: Socket, ends: Ends, carrier: Socket = socket) {
    this.#socket = socket;
    this.#carrier = carrier;
    this.remote = ends.remote;
    this.local = ends.local;
  }

  /** Passes the socket's events on; input flows unless the socket was paused. */
  start(events: TransportEvents): void {
    const socket = this.#socket;
    this.#events = events;
    socket.on("error", (error) => {
      this.#error ??= toNetError(error, "go on");
    });
    socket.on("close", () => this.#events?.over(this.#error));
    socket.on("drain", () => {
      if (this.#flush() && !this.#isEnding) this.#events?.drained();
    });
    socket.on("end", () => this.#events?.ended());
    socket.on("data", this.#onData);
    // A socket that was taken over may be closed already.
    if (socket.closed) queueMicrotask(() => this.#events?.over(this.#error));
  }

  attach(events: TransportEvents): void {
    this.#events = events;
  }

  lendTo(other: Transport | undefined): void {
    this.#borrower = other instanceof NodeTransport ? other : undefined;
  }

  /**
   * Takes what the socket has read into some bytes.
   *
   * @returns What it is to read into next: while it is busy, and all goes to one other, bytes of its own that are lent again and again.
   */
  take(count: number, bytes: Uint8Array): Uint8Array {
    const isShared = bytes === SHARED;
    this.#events?.received(isShared ? bytes.slice(0, count) : bytes.subarray(0, count));
    if (count < bytes.length || !this.#borrower) return SHARED;
    const isFree = !isShared && this.#borrower.queuedBytes === 0;
    return isFree ? bytes : new Uint8Array(READ_BYTES);
  }

  /** Lets go of the socket, paused, with what was not read yet still in it: nothing is told any more. */
  detach(): Socket {
    this.#events = undefined;
    this.pause();
    this.#socket.off("data", this.#onData);
    return this.#socket;
  }

  get queuedBytes(): number {
    return this.#socket.writableLength + (this.#queue?.bytes ?? 0);
  }

  get isFlushed(): boolean {
    return this.#socket.writableFinished;
  }

  write(chunk: Uint8Array): boolean {
    if (chunk.length <= PIECE_BYTES && !this.#socket.writableNeedDrain) return this.#socket.write(chunk);
    this.#queue ??= new ChunkQueue();
    this.#queue.push(chunk);
    return this.#socket.writableNeedDrain ? false : this.#flush();
  }

  pause(): void {
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (!this.#isHeld) this.#socket.resume();
  }

  /** Reads nothing before the turn after the next one: whoever dialed has its connection by then, and has set its handler. */
  hold(): void {
    this.#isHeld = true;
    this.#socket.pause();
    setImmediate(() => {
      this.#isHeld = false;
      if (!this.#isPaused) this.#socket.resume();
    });
  }

  end(): void {
    if (this.#queue === undefined || this.#queue.bytes === 0) this.#socket.end();
    else this.#isEnding = true;
  }

  destroy(): void {
    this.#queue?.clear();
    this.#socket.destroy();
  }

  reset(): void {
    this.#queue?.clear();
    const socket = this.#socket;
    const isShuttingDown = socket.writableEnded && !socket.writableFinished && socket.writableLength === 0;
    // While the system is being told of our end, Node fails to reset and never closes the descriptor.
    if (isShuttingDown) socket.once("finish", () => this.#resetNow());
    else this.#resetNow();
  }

  #resetNow(): void {
    if (this.#carrier.destroyed) this.#socket.destroy();
    else resetSocket(this.#carrier, this);
  }

  /** Gives the stream what it has room for; true when nothing waits here any more. */
  #flush(): boolean {
    const queue = this.#queue;
    if (queue === undefined) return true;
    let hasRoom = true;
    while (hasRoom && queue.bytes > 0) {
      const piece = queue.peek(PIECE_BYTES);
      hasRoom = this.#socket.write(piece);
      queue.drop(piece.length);
    }
    if (queue.bytes > 0) return false;
    if (this.#isEnding) this.#socket.end();
    return hasRoom;
  }
}

/**
 * Closes a socket with a reset; a unix socket, which knows none, without. The TLS that is spoken over it ends by itself:
 * to destroy both in one turn crashes Node.
 */
export function resetSocket(socket: Socket, ends: Ends): void {
  if ("path" in ends.remote) socket.destroy();
  else socket.resetAndDestroy();
}

/** The ends of a TCP socket. */
export function tcpEnds(socket: Socket): Ends {
  return {
    remote: tcpAddress(socket.remoteAddress, socket.remotePort),
    local: tcpAddress(socket.localAddress, socket.localPort),
  };
}

/** Makes a connection of a connected socket, which it then owns. */
export function nodeConnection(
  socket: Socket,
  context: ConnectionContext,
  ends: Ends = tcpEnds(socket),
): StreamConnection {
  return connectionOver(new NodeTransport(socket, ends), context);
}

/**
 * Makes a connection of a socket whose owner has to learn of it yet: the first bytes come in a later turn.
 *
 * @param carrier The socket below, where this one speaks TLS.
 */
export function heldConnection(
  socket: Socket,
  context: ConnectionContext,
  ends: Ends = tcpEnds(socket),
  carrier: Socket = socket,
  intake?: Intake,
): StreamConnection {
  const transport = new NodeTransport(socket, ends, carrier);
  if (intake) intake.transport = transport;
  const connection = connectionOver(transport, context);
  transport.hold();
  return connection;
}

function connectionOver(transport: NodeTransport, context: ConnectionContext): StreamConnection {
  const connection = new StreamConnection(transport, context);
  transport.start(connection);
  return connection;
}

/** An address as a runtime gives it; empty where the socket broke before it could be asked. */
export function tcpAddress(host: string | undefined, port: number | undefined): TcpAddress {
  return { host: host ?? "", port: port ?? 0 };
}
