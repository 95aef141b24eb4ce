import type { Clock } from "../../async/mod.ts";
import type { CloseReason, Connection, ConnectionHandler, Driver, TcpAddress } from "../../net/mod.ts";
import type { Carrier } from "../session/web_socket_link.ts";
import { MessageEnds } from "./message_ends.ts";

/** Bytes of a client on their way to the server, from which on no more are read: a request or a message is less. */
export const MAX_UNSEEN_BYTES = 131_072;
/** How long a connection may be without a request, in milliseconds. */
const IDLE_MS = 30_000;
/** Sweeps in which the server has seen nothing in {@linkcode MAX_UNSEEN_BYTES}, after which there is no end to what the client sends. */
const STUCK_SWEEPS = 2;
/** How long a client that has been said goodbye to may take nothing, or stay although it has all, in milliseconds. */
const GOODBYE_MS = 10_000;

/** What a {@linkcode Relay} tells. */
export interface RelayHandler {
  /** The client has sent more than a request or a message may have. */
  stuck(): void;
  /** The client's system has taken what the server sent: more may have room. Called often. */
  moved(): void;
  /** It is over. Once; nothing follows. */
  over(): void;
  onError(error: unknown, context: { readonly during: string }): void;
}

/** Options for a {@linkcode Relay}. */
export interface RelayOptions {
  readonly client: Connection;
  readonly driver: Driver;
  /** Where the HTTP server listens. */
  readonly server: TcpAddress;
  readonly clock: Clock;
  /** The port from which the HTTP server sees the client come; called before it can see anything. */
  readonly onConnected: (port: number) => void;
  readonly handler: RelayHandler;
}

/** What a connection is used for. */
type Use = "requests" | "messages" | "goodbye";

/**
 * A client's connection on its way to the HTTP server of this process, which takes nothing but connections of its own.
 *
 * - A side that cannot take more stops the other one from being read.
 * - A client is read only as far as the server follows: {@linkcode MAX_UNSEEN_BYTES} ahead of the last request or message that it has
 *   seen, and it is stopped. So a message without an end takes no memory, whatever the server would let pass, and little comes when the
 *   session has enough.
 * - A client that asks for nothing in time, or does not leave when it should, is cut off.
 */
export class Relay implements ConnectionHandler, Carrier {
  readonly #options: RelayOptions;
  readonly #client: Connection;
  readonly #dialing = new AbortController();
  /** What the client has sent before the server could take it: one chunk and what came with a header. */
  #early: Uint8Array[] = [];
  #server: Connection | undefined;
  #open = 1;
  #use: Use = "requests";
  /** Of the client's bytes that were passed on since its WebSocket began to open, or else in all: how many, and up to where seen. */
  #passed = 0;
  #seenTo = 0;
  /** While it is a WebSocket: where in them messages end. */
  #ends: MessageEnds | undefined;
  #stuckSweeps = 0;
  /** When the server has last seen something, or the client has taken something. */
  #movedAt: number;
  #takenBytes = 0;
  #isHeld = false;
  #isServerFull = true;
  #isPaused = false;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#client = options.client;
    this.#movedAt = options.clock.now();
    this.#flow();
    // Owned by the relay: whatever comes of it, one of the connections closes.
    void this.#connect();
  }

  get queuedBytes(): number {
    return this.#client.queuedBytes;
  }

  get takenBytes(): number {
    return this.#client.bytesWritten - this.#client.queuedBytes;
  }

  hold(): void {
    this.#isHeld = true;
    this.#flow();
  }

  release(): void {
    this.#isHeld = false;
    this.#flow();
  }

  /** The server has seen a request, or a message. */
  seen(): void {
    this.#seenTo = this.#ends?.next() ?? this.#passed;
    this.#stuckSweeps = 0;
    // Whoever was said goodbye to is to leave, whatever they go on to say.
    if (this.#use !== "goodbye") this.#movedAt = this.#options.clock.now();
    this.#flow();
  }

  /** The server has seen a request to open a WebSocket, and will. Until it has answered, the client sends nothing more. */
  upgrading(): void {
    this.#passed = 0;
    this.#seenTo = 0;
    this.#ends = new MessageEnds();
  }

  /** From now on it carries messages: how long it may be silent is its session's business. */
  upgraded(): void {
    this.#use = "messages";
  }

  finish(): void {
    if (this.#use === "goodbye") return;
    this.#use = "goodbye";
    this.#movedAt = this.#options.clock.now();
    // The client's goodbye has to come through.
    this.#ends = undefined;
    this.#seenTo = this.#passed;
    this.release();
  }

  /** The answer under way is the last: what the client goes on to send is dropped. */
  endRequests(): void {
    this.finish();
    this.#seenTo = Number.NEGATIVE_INFINITY;
  }

  /** Ends it now. */
  abort(): void {
    this.#dialing.abort(new Error("the client is gone"));
    this.#client.abort();
    this.#server?.abort();
  }

  /** Cuts off a client that keeps its connection for nothing. To be called about every second. */
  sweep(): void {
    const { takenBytes } = this;
    const now = this.#options.clock.now();
    if (takenBytes !== this.#takenBytes) this.#movedAt = now;
    this.#takenBytes = takenBytes;
    const silentMs = now - this.#movedAt;
    switch (this.#use) {
      case "requests":
        if (silentMs > IDLE_MS) this.abort();
        break;
      case "messages":
        // Twice: the event loop may have been held up before the first time.
        this.#stuckSweeps = this.#isAhead() ? this.#stuckSweeps + 1 : 0;
        if (this.#stuckSweeps >= STUCK_SWEEPS) this.#options.handler.stuck();
        break;
      case "goodbye":
        if (silentMs > GOODBYE_MS) this.abort();
        break;
    }
  }

  data(connection: Connection, chunk: Uint8Array): void {
    if (connection !== this.#client) {
      if (this.#client.write(chunk)) this.#options.handler.moved();
      else connection.pause();
      return;
    }
    if (!this.#server) this.#early.push(chunk);
    else this.#forward(chunk);
    this.#flow();
  }

  drain(connection: Connection): void {
    if (connection === this.#client) {
      this.#server?.resume();
      this.#options.handler.moved();
      return;
    }
    this.#isServerFull = false;
    this.#flow();
  }

  end(connection: Connection): void {
    if (connection === this.#client) {
      this.#server?.end();
      return;
    }
    // After the server's last word nobody is there to hear the client.
    connection.end();
    this.finish();
    this.#client.close();
  }

  close(connection: Connection, reason: CloseReason): void {
    this.#open -= 1;
    if (connection === this.#client) {
      this.#dialing.abort(new Error("the client is gone"));
      if (reason === "finished" || reason === "closed") this.#server?.close();
      else this.#server?.abort();
    } else if (reason === "finished" || reason === "closed" || this.#use === "goodbye") {
      // A server that leaves something unread resets; what it said before is passed on all the same.
      this.#client.close();
    } else this.#client.abort();
    if (this.#open === 0) this.#options.handler.over();
  }

  async #connect(): Promise<void> {
    const { driver, server: address, handler, onConnected } = this.#options;
    try {
      const server = await driver.connect(address, this, { signal: this.#dialing.signal });
      if (this.#dialing.signal.aborted) {
        server.handle({ data: () => undefined, close: () => undefined });
        server.abort();
        return;
      }
      this.#open += 1;
      if ("port" in server.local) onConnected(server.local.port);
      this.#server = server;
      this.#isServerFull = false;
      for (const chunk of this.#early) this.#forward(chunk);
      this.#early = [];
      this.#flow();
    } catch (error) {
      if (this.#dialing.signal.aborted) return;
      handler.onError(error, { during: "reach the HTTP server" });
      this.#client.abort();
    }
  }

  #forward(chunk: Uint8Array): void {
    this.#passed += chunk.length;
    // Who was said goodbye to is listened to for their own, and no longer.
    if (this.#use === "goodbye" && this.#isAhead()) return;
    this.#ends?.read(chunk);
    if (this.#server?.write(chunk) === false) this.#isServerFull = true;
  }

  #isAhead(): boolean {
    return this.#passed - this.#seenTo >= MAX_UNSEEN_BYTES;
  }

  /** Reads from the client, or stops, as there is room for what comes. */
  #flow(): void {
    const isFull = this.#isHeld || this.#isServerFull || (this.#isAhead() && this.#use !== "goodbye");
    if (isFull === this.#isPaused) return;
    this.#isPaused = isFull;
    if (isFull) this.#client.pause();
    else this.#client.resume();
  }
}
