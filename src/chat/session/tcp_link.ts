import { Buffer } from "node:buffer";
import { setImmediate } from "node:timers";
import type { Connection } from "../../net/mod.ts";
import type { Link } from "./link.ts";

/** What waits for the end of a tick is written earlier when it is as much as this. */
const MAX_PENDING_FRAMES = 64;
const MAX_PENDING_BYTES = 16_384;

/** Tells links when a tick of the event loop ends. One for all links of a server: there is at most one callback a tick. */
export class WriteTick {
  #waiting: TcpLink[] = [];

  /** Has `flush` called once, when this tick ends. */
  wait(link: TcpLink): void {
    if (this.#waiting.length === 0) setImmediate(() => this.#end());
    this.#waiting.push(link);
  }

  #end(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const link of waiting) link.flush();
  }
}

/**
 * A TCP connection as a session uses it.
 *
 * The frames of one tick go out in one write: a write costs the system as much as all that a server does for a short frame.
 */
export class TcpLink implements Link {
  readonly host: string;
  readonly #connection: Connection;
  readonly #tick: WriteTick;
  /** Frames that wait for the end of the tick: bytes, and behind them text, which is encoded when it is written. */
  #pending: Uint8Array[] = [];
  #pendingText = "";
  #pendingFrames = 0;
  /** About, since a character counts as a byte. */
  #pendingBytes = 0;
  /** What the connection said to the last write: true again when it is drained. */
  #isKeepingUp = true;

  /** @param host Whose connection it is: not its own address where a balancer has told another one. */
  constructor(connection: Connection, host: string, tick: WriteTick) {
    this.host = host;
    this.#connection = connection;
    this.#tick = tick;
  }

  get queuedBytes(): number {
    return this.#connection.queuedBytes + this.#pendingBytes;
  }

  get takenBytes(): number {
    return this.#connection.bytesWritten - this.#connection.queuedBytes;
  }

  write(line: string | Uint8Array): boolean {
    if (this.#pendingFrames === 0) this.#tick.wait(this);
    this.#pendingFrames += 1;
    this.#pendingBytes += line.length;
    if (typeof line === "string") this.#pendingText += line;
    else {
      this.#encodeText();
      this.#pending.push(line);
    }
    if (this.#pendingFrames >= MAX_PENDING_FRAMES || this.#pendingBytes >= MAX_PENDING_BYTES) this.flush();
    return this.#isKeepingUp;
  }

  /** Writes what waits for the end of the tick. */
  flush(): void {
    if (this.#pendingFrames === 0) return;
    this.#encodeText();
    const [first] = this.#pending;
    const chunk = first && this.#pending.length === 1 ? first : Buffer.concat(this.#pending);
    this.#pending = [];
    this.#pendingFrames = 0;
    this.#pendingBytes = 0;
    this.#isKeepingUp = this.#connection.write(chunk);
  }

  #encodeText(): void {
    if (this.#pendingText === "") return;
    this.#pending.push(Buffer.from(this.#pendingText));
    this.#pendingText = "";
  }

  /** The client has taken all that was written. */
  drained(): void {
    this.#isKeepingUp = true;
  }

  pause(): void {
    this.#connection.pause();
  }

  resume(): void {
    this.#connection.resume();
  }

  close(): void {
    this.flush();
    this.#connection.close();
  }

  abort(): void {
    this.#connection.abort();
  }
}
