import { Duplex } from "node:stream";
import type { NetError } from "./error.ts";
import type { MovableTransport, TransportEvents } from "./stream_connection.ts";

/** What a {@linkcode CarrierStream} tells whoever speaks over it. */
export interface CarrierEvents {
  /** Bytes have left for the system. */
  progressed(): void;
  /** The transport is over. */
  over(error: NetError | undefined): void;
}

/** A transport as a stream of Node's, so that TLS can be spoken over it. What comes can be stopped below the stream. */
export class CarrierStream implements TransportEvents {
  readonly duplex: Duplex;
  readonly #transport: MovableTransport;
  #events: CarrierEvents | undefined;
  #isOver = false;
  #isPaused = false;
  #isFull = false;
  #written: (() => void) | undefined;

  /** @param head Bytes that were read already. */
  constructor(transport: MovableTransport, head: Uint8Array | undefined) {
    this.#transport = transport;
    this.duplex = new Duplex({
      allowHalfOpen: true,
      autoDestroy: false,
      read: () => this.#room(),
      write: (chunk: Uint8Array, _, done) => this.#write(chunk, done),
      final: (done) => {
        transport.end();
        done();
      },
    });
    transport.attach(this);
    if (head && head.length > 0) this.duplex.push(head);
  }

  /** Says who is told from now on. */
  listen(events: CarrierEvents): void {
    this.#events = events;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Bytes that the system has not taken yet. */
  get queuedBytes(): number {
    return this.duplex.writableLength + this.#transport.queuedBytes;
  }

  /** Whether bytes wait for the transport to have room. */
  get isBlocked(): boolean {
    return this.duplex.writableLength > 0;
  }

  /** Whether our end is with the system. */
  get isFlushed(): boolean {
    return this.#transport.isFlushed;
  }

  pause(): void {
    this.#isPaused = true;
    this.#transport.pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (!this.#isFull) this.#transport.resume();
  }

  /** Ends after what was written. */
  end(): void {
    this.duplex.end();
  }

  destroy(): void {
    this.#transport.destroy();
  }

  reset(): void {
    this.#transport.reset();
  }

  received(chunk: Uint8Array): void {
    if (this.duplex.push(chunk)) return;
    this.#isFull = true;
    this.#transport.pause();
  }

  drained(): void {
    const written = this.#written;
    this.#written = undefined;
    written?.();
    this.#events?.progressed();
  }

  ended(): void {
    this.duplex.push(null);
  }

  over(error?: NetError): void {
    this.#isOver = true;
    this.#events?.over(error);
  }

  #room(): void {
    this.#isFull = false;
    if (!this.#isPaused) this.#transport.resume();
  }

  #write(chunk: Uint8Array, done: () => void): void {
    if (!this.#transport.write(chunk)) {
      this.#written = done;
      return;
    }
    done();
    this.#events?.progressed();
  }
}
