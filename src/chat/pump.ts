import { backoff, type Clock, wait } from "../async/mod.ts";
import { MAX_QUEUED_BYTES } from "./limits.ts";
import type { Link } from "./link.ts";
import { encodeFrame } from "./protocol.ts";
import type { Store } from "./store/mod.ts";

/** Bytes that are read from the store at once: reading may hold up the event loop, and so every other session. */
const MAX_READ_BYTES = 131_072;

/** Options for {@linkcode Pump}. */
export interface PumpOptions {
  readonly store: Store;
  readonly link: Link;
  readonly user: string;
  readonly epoch: string;
  /** The number of the first entry to send. */
  readonly next: number;
  /** The number of the newest entry known. */
  readonly top: number;
  /** Frames that may wait for the client. */
  readonly maxQueuedFrames: number;
  readonly clock: Clock;
  readonly onError: (error: unknown) => void;
}

/**
 * Sends one session the entries of its user's inbox, each once, in the order of their numbers.
 *
 * There is this one way only: replay after a login, new messages, gaps and slow clients all move `next` towards `top`. A hint
 * raises `top`; one whose number is `next` while nothing is being read goes out as it is, without a look at the store. When
 * the client takes no more, the rest waits in the inbox.
 */
export class Pump {
  readonly #options: PumpOptions;
  /** Ends the wait between two tries to read; there is one only while it waits. */
  #retry: AbortController | undefined;
  #next: number;
  #top: number;
  /** Frames sent since the client stopped to keep up. */
  #queuedFrames = 0;
  #state: "held" | "idle" | "reading" | "full" | "ended" = "held";

  constructor(options: PumpOptions) {
    this.#options = options;
    this.#next = options.next;
    this.#top = options.top;
  }

  /** The number of the last entry that was sent. */
  get sent(): number {
    return this.#next - 1;
  }

  /** Lets the entries flow; until then they are held, so that the answer to the login comes first. */
  release(): void {
    if (this.#state !== "held") return;
    this.#state = "idle";
    this.#wake();
  }

  /** Entry `inbox` exists, and this is its line. */
  hint(inbox: number, line: Uint8Array): void {
    if (inbox < this.#next) return;
    this.#top = Math.max(this.#top, inbox);
    if (inbox === this.#next && this.#state === "idle" && this.#hasRoom()) this.#send(line);
    else this.#wake();
  }

  /** Entries up to `inbox` exist. */
  raise(inbox: number): void {
    this.#top = Math.max(this.#top, inbox);
    this.#wake();
  }

  /** The client has taken all that was queued. */
  drained(): void {
    this.#queuedFrames = 0;
    if (this.#state !== "full") return;
    this.#state = "idle";
    this.#wake();
  }

  /** Stops it for good. */
  end(): void {
    this.#state = "ended";
    this.#retry?.abort(new Error("the session is over"));
  }

  #wake(): void {
    if (this.#state !== "idle" || this.#next > this.#top) return;
    this.#state = "reading";
    // Owned by the state: it ends when that is another than "reading".
    void this.#read();
  }

  async #read(): Promise<void> {
    const retries = backoff({ firstMs: 50, maxMs: 2000 });
    while (this.#state === "reading" && this.#next <= this.#top) {
      if (!this.#hasRoom()) {
        this.#fill();
        return;
      }
      try {
        await this.#readSome();
      } catch (error) {
        // The entries are safe where they are: report it and go on when the store answers again.
        this.#options.onError(error);
        await this.#wait(retries.next().value);
      }
    }
    if (this.#state === "reading") this.#state = "idle";
  }

  async #wait(delayMs: number): Promise<void> {
    this.#retry = new AbortController();
    try {
      await wait(delayMs, { signal: this.#retry.signal, clock: this.#options.clock });
    } catch {
      // Ended while it waited: the state says so.
    }
    this.#retry = undefined;
  }

  async #readSome(): Promise<void> {
    const { store, user, link, maxQueuedFrames } = this.#options;
    const limits = {
      count: Math.max(1, Math.min(maxQueuedFrames - this.#queuedFrames, this.#top - this.#next + 1)),
      bytes: Math.max(1, Math.min(MAX_READ_BYTES, MAX_QUEUED_BYTES - link.queuedBytes)),
    };
    const entries = await store.readInbox(user, this.#next - 1, limits);
    if (this.#state !== "reading") return;
    if (entries[0]?.inbox !== this.#next) return await this.#resync();
    for (const entry of entries) this.#send(entry.line);
  }

  /** The next entry is not there: the oldest ones were dropped, or there are none yet. Said, never skipped in silence. */
  async #resync(): Promise<void> {
    const { store, user, link } = this.#options;
    const { epoch, floor, top } = await store.inboxState(user);
    if (this.#state !== "reading") return;
    this.#top = top;
    if (floor < this.#next) return;
    this.#next = floor + 1;
    link.write(encodeFrame({ type: "resync", epoch, inbox: floor, reason: "trimmed" }));
  }

  #send(line: Uint8Array): void {
    const { link } = this.#options;
    this.#next += 1;
    this.#queuedFrames = link.write(line) ? 0 : this.#queuedFrames + 1;
  }

  #hasRoom(): boolean {
    const { link, maxQueuedFrames } = this.#options;
    return this.#queuedFrames < maxQueuedFrames && link.queuedBytes < MAX_QUEUED_BYTES;
  }

  #fill(): void {
    this.#state = "full";
    this.#options.link.write(encodeFrame({ type: "lag", inbox: this.sent, top: this.#top }));
  }
}
