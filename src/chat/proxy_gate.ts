import { Buffer } from "node:buffer";
import type { Clock } from "../async/mod.ts";
import {
  type CloseReason,
  type Connection,
  type ConnectionHandler,
  formatAddress,
  hostOf,
} from "../net/mod.ts";
import { decodeProxyHeader, isProxySignaturePrefix, type ProxyHeader } from "../wire/mod.ts";

/** How long a balancer's connection may say nothing, or only a part of a header, before it is taken for what it is. */
export const GATE_MS = 3000;

/** Whose a connection is. */
export interface Caller {
  readonly host: string;
  /** The balancer itself, or one of its clients for whom it has sent no address. */
  readonly isBalancer: boolean;
}

/** What a {@linkcode ProxyGate} tells. */
export interface GateHandler {
  /** It is known whose the connection is. @returns Who goes on with it, from its first byte after the header on. */
  open(connection: Connection, caller: Caller): ConnectionHandler;
  /** It is over before it was known whose it is, or begins with a header that is none. Nothing follows. */
  closed(): void;
  onError(error: unknown, context: { readonly during: string }): void;
}

/**
 * Looks whether a balancer's connection begins with a PROXY header, of version 1 or 2, which says for whom it is.
 *
 * Frames begin with `{`, so the first byte tells; what is no header is passed on untouched. `LOCAL` and `UNKNOWN` are the balancer's own.
 * A header that is malformed is reported and its connection closed. Holds at most one header and one chunk.
 */
export class ProxyGate implements ConnectionHandler {
  readonly #connection: Connection;
  readonly #handler: GateHandler;
  readonly #clock: Clock;
  readonly #cameAt: number;
  #bytes: Uint8Array = new Uint8Array();
  #isOver = false;

  constructor(connection: Connection, handler: GateHandler, clock: Clock) {
    this.#connection = connection;
    this.#handler = handler;
    this.#clock = clock;
    this.#cameAt = clock.now();
  }

  data(_: Connection, chunk: Uint8Array): void {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    if (!isProxySignaturePrefix(this.#bytes)) {
      this.open();
      return;
    }
    const peek = decodeProxyHeader(this.#bytes);
    if (peek.state === "found") this.#pass(this.#callerOf(peek.value), this.#bytes.subarray(peek.length));
    else if (peek.state === "none") this.#refuse(peek.reason);
  }

  end(): void {
    this.open();
  }

  close(_: Connection, _reason: CloseReason): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#handler.closed();
  }

  /** Opens if nothing was said for too long. */
  sweep(): void {
    if (this.#clock.now() - this.#cameAt > GATE_MS) this.open();
  }

  /** Takes the connection for the balancer's own, and what came for frames. Does nothing once it is open. */
  open(): void {
    this.#pass(this.#balancer(), this.#bytes);
  }

  #balancer(): Caller {
    return { host: hostOf(this.#connection.remote), isBalancer: true };
  }

  #callerOf(header: ProxyHeader): Caller {
    if (header.kind !== "relayed") return this.#balancer();
    return { host: hostOf(header.source), isBalancer: false };
  }

  #pass(caller: Caller, rest: Uint8Array): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#bytes = new Uint8Array();
    const handler = this.#handler.open(this.#connection, caller);
    this.#connection.handle(handler);
    if (rest.length > 0) handler.data(this.#connection, rest);
  }

  #refuse(reason: string): void {
    const from = formatAddress(this.#connection.remote);
    this.#handler.onError(new RangeError(`Cannot read the PROXY header of ${from}: ${reason}`), {
      during: "accept",
    });
    this.close(this.#connection, "closed");
    this.#connection.abort();
  }
}
