import { bufferOf } from "../../wire/mod.ts";
import type { DrainWatch } from "./drain_watch.ts";
import type { Link } from "./link.ts";

/** Bytes that wait for a client from which on it does not keep up, and under which it does again. */
const HIGH_BYTES = 65_536;
const LOW_BYTES = 16_384;

/** The server's side of a WebSocket, of which only this is used. */
export interface WebSocketPeer {
  /** Bytes given to `send` that the system has not taken yet. */
  readonly bufferedAmount: number;
  /** Sends one text message. */
  send(text: string): unknown;
  /** Sends what is queued, then says goodbye. */
  close(code: number, reason: string): void;
}

/** The way that a WebSocket's bytes take between its client and the server. */
export interface Carrier {
  /** Bytes for the client on this way that the system has not taken yet. */
  readonly queuedBytes: number;
  /** Bytes that the system has taken for the client so far. */
  readonly takenBytes: number;
  /** Lets nothing more come from the client, until `release`. */
  hold(): void;
  release(): void;
  /** Nothing more will be said: ends once the client has taken all, or takes no more. */
  finish(): void;
  /** Ends it at once. */
  abort(): void;
}

/** Options for a {@linkcode WebSocketLink}. */
export interface WebSocketLinkOptions {
  /** The client's address without its port. */
  readonly host: string;
  readonly peer: WebSocketPeer;
  readonly carrier: Carrier;
  readonly watch: DrainWatch;
  readonly texts: FrameTexts;
  /** Called when a client that did not keep up has taken what was queued. */
  readonly onDrained: () => void;
}

/** Frames as the text that a WebSocket sends. The last one is remembered: a frame for many goes to one after the other. */
export class FrameTexts {
  #line: Uint8Array | undefined;
  #text = "";

  /** A line without its newline. */
  textOf(line: Uint8Array): string {
    if (this.#line === line) return this.#text;
    this.#line = line;
    this.#text = bufferOf(line).toString("utf8", 0, line.length - 1);
    return this.#text;
  }
}

/** A WebSocket as a session uses it: one frame a text message. */
export class WebSocketLink implements Link {
  readonly host: string;
  readonly #options: WebSocketLinkOptions;
  #state: "open" | "slow" | "closing" | "closed" = "open";

  constructor(options: WebSocketLinkOptions) {
    this.host = options.host;
    this.#options = options;
  }

  get queuedBytes(): number {
    const { peer, carrier } = this.#options;
    return peer.bufferedAmount + carrier.queuedBytes;
  }

  get takenBytes(): number {
    return this.#options.carrier.takenBytes;
  }

  write(line: string | Uint8Array): boolean {
    if (this.#isOver()) return false;
    const { peer, texts, watch } = this.#options;
    peer.send(typeof line === "string" ? line.slice(0, -1) : texts.textOf(line));
    if (this.#state === "open" && this.queuedBytes > HIGH_BYTES) {
      this.#state = "slow";
      watch.add(this);
    }
    return this.#state === "open";
  }

  /** Looks whether a client that did not keep up has caught up, or one that is to go has been sent all. */
  look(): void {
    if (this.#state === "closing") this.#sayGoodbye();
    if (this.#state !== "slow" || this.queuedBytes > LOW_BYTES) return;
    this.#state = "open";
    this.#options.watch.remove(this);
    // Told that there is room, its session may fill it at once: then it waits again.
    this.#options.onDrained();
  }

  pause(): void {
    this.#options.carrier.hold();
  }

  resume(): void {
    this.#options.carrier.release();
  }

  close(): void {
    if (this.#isOver()) return;
    this.#state = "closing";
    // It cuts off who takes nothing of what is still to be sent.
    this.#options.carrier.finish();
    this.#sayGoodbye();
  }

  abort(): void {
    this.gone();
    this.#options.carrier.abort();
  }

  /** The client has gone: nothing is sent any more. */
  gone(): void {
    this.#state = "closed";
    this.#options.watch.remove(this);
  }

  #isOver(): boolean {
    return this.#state === "closing" || this.#state === "closed";
  }

  /** Once all was sent: some seconds after the goodbye Bun drops what it has queued. */
  #sayGoodbye(): void {
    const { peer, watch } = this.#options;
    if (peer.bufferedAmount > 0) {
      watch.add(this);
      return;
    }
    this.gone();
    peer.close(1000, "");
  }
}
