import { setImmediate } from "node:timers";
import type { TLSSocket } from "node:tls";
import type { CarrierEvents, CarrierStream } from "./carrier_stream.ts";
import type { Address } from "./contract.ts";
import { type NetError, toNetError } from "./error.ts";
import type { Ends } from "./node_transport.ts";
import { type ConnectionContext, StreamConnection, type Transport } from "./stream_connection.ts";

/** `write` asks to stop when this much waits. */
const HIGH_WATER_BYTES = 64 * 1024;

/**
 * TLS over another transport, as a transport. For Deno, whose TLS sockets go on reading when they are paused, take a reset for an
 * end, and forget the end of one that was paused.
 *
 * So the socket here is never paused. What comes is stopped below it, and the little that is in it already is held.
 */
export class TlsLayer implements Transport, CarrierEvents {
  readonly remote: Address;
  readonly local: Address;
  readonly connection: StreamConnection;
  readonly #socket: TLSSocket;
  readonly #carrier: CarrierStream;
  readonly #onWritten = (): void => this.progressed();
  #held: Uint8Array[] = [];
  /** Reads nothing before the turn after the next one: whoever waits for the handshake has set its handler by then. */
  #isHeld = true;
  #isPaused = false;
  #isDrainOwed = false;
  #isDestroyed = false;
  /** `waiting`: the other side has ended, and the connection hears of it when it reads again. */
  #input: "open" | "waiting" | "ended" = "open";

  constructor(socket: TLSSocket, carrier: CarrierStream, ends: Ends, context: ConnectionContext) {
    this.remote = ends.remote;
    this.local = ends.local;
    this.#socket = socket;
    this.#carrier = carrier;
    this.connection = new StreamConnection(this, context);
    carrier.listen(this);
    for (const event of ["error", "_tlsError"]) socket.on(event, (cause: Error) => this.#fail(cause));
    // Deno tells the other side's TLS, gives its last bytes to the stream below some microtasks later, and leaves it open.
    socket.on("finish", () => void setImmediate(() => carrier.end()));
    socket.on("end", () => this.#inputEnded());
    // Without an end before it where the other side left without a word of TLS.
    socket.on("close", () => this.#inputEnded());
    socket.on("data", (chunk: Uint8Array) => this.#received(chunk));
    setImmediate(() => {
      this.#isHeld = false;
      this.#giveHeld();
    });
  }

  get queuedBytes(): number {
    return this.#socket.writableLength + this.#carrier.queuedBytes;
  }

  get isFlushed(): boolean {
    return this.#carrier.isFlushed;
  }

  write(chunk: Uint8Array): boolean {
    this.#socket.write(chunk, this.#onWritten);
    this.#isDrainOwed = this.queuedBytes >= HIGH_WATER_BYTES;
    return !this.#isDrainOwed;
  }

  pause(): void {
    this.#isPaused = true;
    this.#carrier.pause();
  }

  resume(): void {
    this.#isPaused = false;
    queueMicrotask(() => this.#giveHeld());
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#isDestroyed = true;
    this.#carrier.destroy();
  }

  reset(): void {
    this.#isDestroyed = true;
    this.#carrier.reset();
  }

  progressed(): void {
    if (!this.#isDrainOwed || this.#socket.writableLength > 0 || this.#carrier.isBlocked) return;
    this.#isDrainOwed = false;
    this.connection.drained();
  }

  over(error?: NetError): void {
    // In order, but what it has brought may still be in the socket.
    if (!error && !this.#isDestroyed && this.#input !== "ended") return;
    this.#finish(error);
  }

  #received(chunk: Uint8Array): void {
    if (this.#isStopped() || this.#held.length > 0) this.#held.push(chunk);
    else this.connection.received(chunk);
  }

  #inputEnded(): void {
    if (this.#input !== "open") return;
    this.#input = "waiting";
    this.#giveHeld();
  }

  #giveHeld(): void {
    while (!this.#isStopped()) {
      const chunk = this.#held.shift();
      if (chunk === undefined) break;
      this.connection.received(chunk);
    }
    if (this.#isStopped()) return;
    // Not before, or a reader that stops at each chunk would have ever more of them held.
    this.#carrier.resume();
    if (this.#input !== "waiting") return;
    this.#input = "ended";
    this.connection.ended();
    if (this.#carrier.isOver) this.#finish(undefined);
  }

  #isStopped(): boolean {
    return this.#isPaused || this.#isHeld;
  }

  #fail(cause: Error): void {
    this.#isDestroyed = true;
    this.#carrier.reset();
    this.#finish(toNetError(cause, "go on"));
  }

  #finish(error: NetError | undefined): void {
    this.#held = [];
    this.#input = "ended";
    this.#socket.destroy();
    this.connection.over(error);
  }
}
