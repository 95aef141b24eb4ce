import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import process from "node:process";
import { setImmediate } from "node:timers";
import { formatAddress } from "./address.ts";
import type { TcpAddress } from "./contract.ts";
import { type NetError, toNetError } from "./error.ts";
import { handleClosed, handleOpened } from "./handles.ts";
import { throwLater, toError } from "./thrown.ts";

/** A UDP socket. */
export interface DatagramSocket extends AsyncDisposable {
  /** Where it is bound, with the real port where 0 was asked for. */
  readonly address: TcpAddress;
  /** Datagrams that were not sent because too many waited, here or in the system. */
  readonly dropped: number;
  /**
   * Sends one datagram, to `to` or to the peer that the socket is connected to. The payload must not be changed afterwards.
   *
   * Nothing tells whether it arrives. While {@linkcode MAX_WAITING_BYTES} wait for the system it is dropped, and after `close()`.
   */
  send(payload: Uint8Array, to?: TcpAddress): void;
  /** Drops what waits, and resolves when the socket is closed. Idempotent. */
  close(): Promise<void>;
}

/** Everything that can happen to a UDP socket. What a handler throws is an uncaught error: nobody else is there to be told. */
export interface DatagramHandler {
  /** A datagram came. The payload belongs to the handler. Not called after `close()`. */
  message(payload: Uint8Array, from: TcpAddress): void;
  /**
   * Sending has failed, or a connected socket's peer is not there: `refused`, which Deno does not tell. Once a turn for each
   * code. The socket goes on.
   */
  error?(error: NetError): void;
}

/** Options for {@linkcode bindDatagram}. */
export interface DatagramOptions {
  /**
   * How much the system keeps until it is read; it may allow less. Not on Deno, where every datagram would cost time in proportion to it.
   *
   * @default {the system's}
   */
  readonly receiveBufferBytes?: number | undefined;
}

const IS_DENO = process.versions.deno !== undefined;

/** How much may wait to be sent before datagrams are dropped. */
export const MAX_WAITING_BYTES: number = 1024 * 1024;

/**
 * Binds a UDP socket; port 0 takes a free one. An IPv6 address of all interfaces hears IPv4 too.
 *
 * @throws {NetError} `in_use`, `not_available`, `forbidden`, `not_found`, …
 */
export async function bindDatagram(
  address: TcpAddress,
  handler: DatagramHandler,
  options: DatagramOptions = {},
): Promise<DatagramSocket> {
  const action = `bind UDP ${formatAddress(address)}`;
  const { socket } = await open(address, action, (socket, host, ready) => {
    socket.bind({ address: host, port: address.port, exclusive: true }, () => {
      const { receiveBufferBytes } = options;
      if (receiveBufferBytes !== undefined && !IS_DENO) socket.setRecvBufferSize(receiveBufferBytes);
      ready();
    });
  });
  return new NodeDatagramSocket(socket, handler, undefined);
}

/**
 * Makes a UDP socket that sends to one peer, and hears nobody else.
 *
 * @throws {NetError} `unreachable`, `not_found`, `descriptors`, …
 */
export async function connectDatagram(
  address: TcpAddress,
  handler: DatagramHandler,
): Promise<DatagramSocket> {
  const action = `connect UDP to ${formatAddress(address)}`;
  const { socket, host } = await open(address, action, (socket, host, ready) =>
    socket.connect(address.port, host, (error?: Error) => {
      if (error) socket.emit("error", error);
      else ready();
    }),
  );
  return new NodeDatagramSocket(socket, handler, { host, port: address.port });
}

async function open(
  address: TcpAddress,
  action: string,
  start: (socket: Socket, host: string, ready: () => void) => void,
): Promise<{ readonly socket: Socket; readonly host: string }> {
  if (address.port > 65_535) throw new RangeError(`Cannot ${action}: ports are 0 to 65535`);
  const host = await toLiteral(address.host, action);
  const socket = createSocket({ type: isIP(host) === 6 ? "udp6" : "udp4" });
  handleOpened();
  socket.once("close", handleClosed);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      start(socket, host, () => {
        socket.off("error", reject);
        resolve();
      });
    });
    return { socket, host };
  } catch (cause) {
    socket.close();
    throw toNetError(cause, action);
  }
}

async function toLiteral(host: string, action: string): Promise<string> {
  if (isIP(host) !== 0) return host;
  try {
    return (await lookup(host)).address;
  } catch (cause) {
    throw toNetError(cause, action);
  }
}

/** How many sends may be under way at once. Deno sends those of one turn in any order. */
const WINDOW = IS_DENO ? 1 : Number.POSITIVE_INFINITY;

interface Outgoing {
  readonly payload: Uint8Array;
  readonly to: TcpAddress | undefined;
}

class NodeDatagramSocket implements DatagramSocket {
  readonly address: TcpAddress;
  readonly #socket: Socket;
  readonly #handler: DatagramHandler;
  /** The only one who is heard; undefined for everybody. */
  readonly #peer: TcpAddress | undefined;
  readonly #waiting: Outgoing[] = [];
  #waitingBytes = 0;
  #underWay = 0;
  #dropped = 0;
  /** What was told in this turn. */
  readonly #told = new Set<string>();
  #closing: Promise<void> | undefined;

  constructor(socket: Socket, handler: DatagramHandler, peer: TcpAddress | undefined) {
    const { address, port } = socket.address();
    this.address = { host: address, port };
    this.#socket = socket;
    this.#handler = handler;
    this.#peer = peer;
    socket.on("message", (payload: Uint8Array, from: RemoteInfo) => this.#received(payload, from));
    socket.on("error", (cause) => this.#failed(cause, `use UDP ${formatAddress(this.address)}`));
  }

  get dropped(): number {
    return this.#dropped;
  }

  send(payload: Uint8Array, to?: TcpAddress): void {
    if (this.#closing !== undefined) return;
    if (this.#waitingBytes >= MAX_WAITING_BYTES) {
      this.#dropped += 1;
      return;
    }
    this.#waitingBytes += sizeOf(payload);
    if (this.#underWay < WINDOW) this.#sendNow({ payload, to });
    else this.#waiting.push({ payload, to });
  }

  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => this.#socket.close(() => resolve()));
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #sendNow(outgoing: Outgoing): void {
    const { payload, to } = outgoing;
    this.#underWay += 1;
    const sent = (cause?: Error | null): void => this.#sent(outgoing, cause ?? undefined);
    try {
      if (to) this.#socket.send(payload, to.port, this.#hostOf(to), sent);
      else this.#socket.send(payload, sent);
    } catch (thrown) {
      queueMicrotask(() => sent(toError(thrown)));
    }
  }

  #sent({ payload, to }: Outgoing, cause: Error | undefined): void {
    this.#underWay -= 1;
    this.#waitingBytes -= sizeOf(payload);
    // The system has no room: what UDP does then is to drop it.
    if (cause && "code" in cause && cause.code === "ENOBUFS") this.#dropped += 1;
    else if (cause) this.#failed(cause, to ? `send UDP to ${formatAddress(to)}` : "send UDP");
    if (this.#closing !== undefined) return;
    const next = this.#waiting.shift();
    if (next) this.#sendNow(next);
  }

  /** A socket of IPv6 reaches an IPv4 address by its IPv6 form. */
  #hostOf(to: TcpAddress): string {
    return isIP(this.address.host) === 6 && isIP(to.host) === 4 ? `::ffff:${to.host}` : to.host;
  }

  #received(payload: Uint8Array, { address: host, port }: RemoteInfo): void {
    if (this.#closing !== undefined) return;
    // Deno gives a connected socket what comes from anybody.
    if (this.#peer && (this.#peer.port !== port || this.#peer.host !== host)) return;
    try {
      this.#handler.message(payload, { host, port });
    } catch (thrown) {
      throwLater(thrown);
    }
  }

  /** Tells of each kind of error once a turn: Bun tells of one failure twice, and a thousand sends may fail at once. */
  #failed(cause: Error, action: string): void {
    if (this.#closing !== undefined) return;
    const error = toNetError(cause, action);
    if (this.#told.has(error.code)) return;
    if (this.#told.size === 0) setImmediate(() => this.#told.clear());
    this.#told.add(error.code);
    try {
      this.#handler.error?.(error);
    } catch (thrown) {
      throwLater(thrown);
    }
  }
}

/** An empty datagram waits too. */
function sizeOf(payload: Uint8Array): number {
  return payload.length + 1;
}
