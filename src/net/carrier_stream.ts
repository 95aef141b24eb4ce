import { Duplex } from "node:stream";
import type { NetError } from "./error.ts";
import type { MovableTransport, TransportEvents } from "./stream_connection.ts";

/** What a {@linkcode CarrierStream} tells whoever speaks over it. */
export interface CarrierEvents {
  /** The transport has room again. */
  progressed(): void;
  /** The transport is over. */
  over(error: NetError | undefined): void;
}

/** A transport as a stream of Node's, so that TLS can be spoken over it. What comes can be stopped below the stream. */
export class CarrierStream implements TransportEvents {
  readonly duplex: Duplex;
  readonly #transport: MovableTransport;
  #events: CarrierEvents | undefined;
  #outcome: { readonly error: NetError | undefined } | undefined;
  #isPaused = false;
  #isFull = false;
  #isBlocked = false;

  /** @param head Bytes that were read already. */
  constructor(transport: MovableTransport, head: Uint8Array | undefined) {
    this.#transport = transport;
    this.duplex = new Duplex({
      allowHalfOpen: true,
      read: () => this.#room(),
      // Nothing may wait in the stream: TLS destroys it when it is done.
      write: (chunk: Uint8Array, _, done) => {
        this.#isBlocked = !transport.write(chunk);
        done();
      },
    });
    transport.attach(this);
    if (head && head.length > 0) this.duplex.push(head);
  }

  /** Says who is told from now on; of an `over` that was told before too, in a later turn. */
  listen(events: CarrierEvents): void {
    this.#events = events;
    const outcome = this.#outcome;
    if (outcome) queueMicrotask(() => events.over(outcome.error));
  }

  get isOver(): boolean {
    return this.#outcome !== undefined;
  }

  /** Bytes that the system has not taken yet. */
  get queuedBytes(): number {
    return this.#transport.queuedBytes;
  }

  /** Whether the transport has no room. */
  get isBlocked(): boolean {
    return this.#isBlocked;
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
    if (!this.#outcome) this.#transport.end();
  }

  destroy(): void {
    this.#transport.destroy();
  }

  reset(): void {
    this.#transport.reset();
  }

  received(chunk: Uint8Array): void {
    // TLS is done with it, and the transport reads on to hear of its end.
    if (this.duplex.destroyed) return;
    if (this.duplex.push(chunk)) return;
    this.#isFull = true;
    this.#transport.pause();
  }

  drained(): void {
    this.#isBlocked = false;
    this.#events?.progressed();
  }

  ended(): void {
    if (!this.duplex.destroyed) this.duplex.push(null);
  }

  over(error?: NetError): void {
    this.#outcome = { error };
    this.#events?.over(error);
  }

  #room(): void {
    this.#isFull = false;
    if (!this.#isPaused) this.#transport.resume();
  }
}
