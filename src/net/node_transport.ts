import type { Socket } from "node:net";
import { setImmediate } from "node:timers";
import { ChunkQueue } from "./chunk_queue.ts";
import type { Address, TcpAddress } from "./contract.ts";
import { type NetError, toNetError } from "./error.ts";
import {
  type ConnectionContext,
  StreamConnection,
  type Transport,
  type TransportEvents,
} from "./stream_connection.ts";

/** What every socket is given. Keepalive: the system asks a silent peer after this time whether it lives. */
export const SOCKET_OPTIONS = {
  allowHalfOpen: true,
  noDelay: true,
  keepAlive: true,
  keepAliveInitialDelay: 15_000,
} as const;

/** Larger writes are given to the stream in pieces, so that progress towards a slow reader can be seen. */
const PIECE_BYTES = 64 * 1024;

/** A connected socket of `node:net`, or one made of a handle, as a {@linkcode Transport}. */
class NodeTransport implements Transport {
  readonly remote: Address;
  readonly local: Address;
  readonly #socket: Socket;
  readonly #isUnix: boolean;
  /** What waits behind the stream's own buffer; made when first needed. */
  #queue: ChunkQueue | undefined;
  #isEnding = false;
  #isPaused = false;
  #isHeld = false;
  #error: NetError | undefined;

  constructor(socket: Socket, unixPath: UnixPath | undefined) {
    this.#socket = socket;
    this.#isUnix = unixPath !== undefined;
    this.remote = unixPath ? { path: unixPath.remote } : tcpAddress(socket.remoteAddress, socket.remotePort);
    this.local = unixPath ? { path: unixPath.local } : tcpAddress(socket.localAddress, socket.localPort);
  }

  /** Passes the socket's events on; input flows unless the socket was paused. */
  start(events: TransportEvents): void {
    const socket = this.#socket;
    socket.on("error", (error) => {
      this.#error ??= toNetError(error, "go on");
    });
    socket.on("close", () => events.over(this.#error));
    socket.on("drain", () => {
      if (this.#flush() && !this.#isEnding) events.drained();
    });
    socket.on("end", () => events.ended());
    socket.on("data", (chunk: Uint8Array) => events.received(chunk));
    // A socket that was taken over may be closed already.
    if (socket.closed) queueMicrotask(() => events.over(this.#error));
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
    if (this.#isUnix || this.#socket.destroyed) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
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

/** The paths of the two sides of a unix socket; `""` for the side that has none. */
export interface UnixPath {
  readonly remote: string;
  readonly local: string;
}

/** Makes a connection of a socket that was dialed and has just connected. */
export function dialedConnection(
  socket: Socket,
  context: ConnectionContext,
  unixPath: UnixPath | undefined,
): StreamConnection {
  const transport = new NodeTransport(socket, unixPath);
  const connection = connectionOver(transport, context);
  transport.hold();
  return connection;
}

/** Makes a connection of a connected socket, which it then owns. */
export function nodeConnection(
  socket: Socket,
  context: ConnectionContext,
  unixPath?: UnixPath,
): StreamConnection {
  return connectionOver(new NodeTransport(socket, unixPath), context);
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
