import { backoff, type Clock, wait } from "../../async/mod.ts";
import { frameLine } from "../frame_line.ts";
import { MAX_QUEUED_BYTES } from "../limits.ts";
import type { Link } from "../session/link.ts";
import type { InboxEntry, InboxState, OwnEntry, Store } from "../store/mod.ts";

/** Bytes that are read from the store at once: reading may hold up the event loop, and so every other session. */
const MAX_READ_BYTES = 131_072;
/** How often an entry that is to be there is looked for before it is given up as lost. */
const MAX_LOOKS = 5;

/** Options for {@linkcode Pump}. */
export interface PumpOptions {
  readonly store: Pick<Store, "readInbox" | "inboxState">;
  readonly link: Link;
  readonly user: string;
  readonly epoch: string;
  /** The number of the first entry to send. */
  readonly next: number;
  /** The stamp of the entry before that; undefined: not known. */
  readonly before: number | undefined;
  /** The number of the newest entry known. */
  readonly top: number;
  /** Frames that may wait for the client. */
  readonly maxQueuedFrames: number;
  readonly clock: Clock;
  /** Called with each entry just before it is sent. */
  readonly onSend: (entry: InboxEntry | OwnEntry) => void;
  /**
   * The inbox is of another epoch, ends before what was sent, or has another entry there: history was rolled back. No entry is sent until
   * `release` or `end`.
   */
  readonly onRollback: () => void;
  readonly onError: (error: unknown) => void;
}

/**
 * Sends one session the entries of its user's inbox, each once, in the order of their numbers.
 *
 * Each entry is compared with the one that was sent before it, so that none of a history that was rolled back is taken for the next one of
 * another.
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
  /** The stamp of the entry before the next one; undefined: not known. */
  #before: number | undefined;
  #top: number;
  /** Frames sent since the client stopped to keep up. */
  #queuedFrames = 0;
  /** The client was told that it lags, and has not caught up since. */
  #isLagging = false;
  /** How often the entry that is to be sent next was not where it should be. */
  #misses = 0;
  /** The newest reading: an older one, which was held up, is over. */
  #reading = 0;
  #state: "held" | "idle" | "reading" | "full" | "stuck" | "ended" = "held";

  constructor(options: PumpOptions) {
    this.#options = options;
    this.#next = options.next;
    this.#before = options.before;
    this.#top = options.top;
  }

  /** The number of the last entry that was sent. */
  get sent(): number {
    return this.#next - 1;
  }

  /** Whether one more frame finds room: what is sent at most once is dropped where it does not. */
  get hasRoom(): boolean {
    const { link, maxQueuedFrames } = this.#options;
    return this.#queuedFrames < maxQueuedFrames && link.queuedBytes < MAX_QUEUED_BYTES;
  }

  /**
   * Lets the entries flow. Until then they are held, so that the answer to the login comes first; and again after `hold`, and where a
   * rollback was reported that was none.
   */
  release(): void {
    if (this.#state !== "held" && this.#state !== "stuck") return;
    this.#state = "idle";
    this.#wake();
  }

  /** Sends no entry until it is released again; what exists is still noted. */
  hold(): void {
    if (this.#state === "ended" || this.#state === "stuck") return;
    this.#state = "held";
    this.#retry?.abort(new Error("the session is held"));
  }

  /** An entry exists. */
  hint(entry: InboxEntry | OwnEntry): void {
    const { inbox } = entry;
    if (inbox < this.#next) return;
    this.#top = Math.max(this.#top, inbox);
    if (inbox === this.#next && this.#state === "idle" && this.hasRoom) this.#send(entry);
    else this.#wake();
  }

  /** Entries up to `inbox` exist. */
  raise(inbox: number): void {
    this.#top = Math.max(this.#top, inbox);
    this.#wake();
  }

  /** Sends something that is no entry, if there is room. @returns Whether there was. */
  pass(line: Uint8Array): boolean {
    if (!this.hasRoom || this.#state === "held" || this.#state === "ended") return false;
    this.#queuedFrames = this.#options.link.write(line) ? 0 : this.#queuedFrames + 1;
    return true;
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
    if (this.#state !== "idle") return;
    if (this.#next > this.#top) {
      this.#isLagging = false;
      return;
    }
    this.#state = "reading";
    this.#reading += 1;
    // Owned by the state: it ends when that is another than "reading".
    void this.#read(this.#reading);
  }

  #isReading(reading: number): boolean {
    return this.#state === "reading" && this.#reading === reading;
  }

  async #read(reading: number): Promise<void> {
    let retries = backoff({ firstMs: 50, maxMs: 2000 });
    while (this.#isReading(reading) && this.#next <= this.#top) {
      if (!this.hasRoom) {
        this.#fill();
        return;
      }
      try {
        if (await this.#readSome(reading)) retries = backoff({ firstMs: 50, maxMs: 2000 });
        else await this.#wait(retries.next().value);
      } catch (error) {
        // The entries are safe where they are: report it and go on when the store answers again.
        this.#options.onError(error);
        await this.#wait(retries.next().value);
      }
    }
    if (!this.#isReading(reading)) return;
    this.#state = "idle";
    this.#isLagging = false;
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

  /** @returns False when what is to be there was not: it is to be looked for again, a little later. */
  async #readSome(reading: number): Promise<boolean> {
    const { store, user, epoch, link, maxQueuedFrames } = this.#options;
    const limits = {
      count: Math.max(1, Math.min(maxQueuedFrames - this.#queuedFrames, this.#top - this.#next + 1)),
      bytes: Math.max(1, Math.min(MAX_READ_BYTES, MAX_QUEUED_BYTES - link.queuedBytes)),
    };
    const entries = await store.readInbox(user, this.#next - 1, limits);
    if (!this.#isReading(reading)) return true;
    const asked = this.#top;
    // Behind the entries: they are of the epoch that it tells, or of an earlier one.
    const state = await store.inboxState(user);
    if (!this.#isReading(reading)) return true;
    if (state.epoch !== epoch || state.top < this.sent) {
      this.#stick();
      return true;
    }
    if (this.#sendAll(entries)) return true;
    // What was hinted meanwhile is newer than the answer.
    const top = this.#top > asked ? Math.max(this.#top, state.top) : state.top;
    return this.#judge({ floor: state.floor, top }, entries);
  }

  /** Sends entries as long as they follow each other. @returns False when there was none to go on with. */
  #sendAll(entries: readonly InboxEntry[]): boolean {
    const first = this.#next;
    for (const entry of entries) {
      if (entry.inbox !== this.#next || !this.#send(entry)) break;
    }
    return this.#next > first || this.#state === "stuck";
  }

  /** The next entry was not found: there is none yet, or the oldest ones were dropped. Said, never skipped in silence. */
  #judge({ floor, top }: Pick<InboxState, "floor" | "top">, entries: readonly InboxEntry[]): boolean {
    this.#top = top;
    if (floor >= this.#next) this.#skipTo(floor);
    else if (top >= this.#next) {
      this.#misses += 1;
      if (this.#misses < MAX_LOOKS) return false;
      // Written down and not to be had: nobody is to wait for it for ever.
      this.#skipTo(Math.max(this.#next, (entries[0]?.inbox ?? this.#next + 1) - 1));
    }
    return true;
  }

  /** Goes on after entry `inbox`; what was to come before is not kept. */
  #skipTo(inbox: number): void {
    const { epoch, link } = this.#options;
    this.#next = inbox + 1;
    this.#before = undefined;
    this.#misses = 0;
    link.write(frameLine({ type: "resync", epoch, inbox, reason: "trimmed" }));
  }

  /** @returns False when the entry does not follow the one that was sent: history was rolled back. */
  #send(entry: InboxEntry | OwnEntry): boolean {
    const { stamp, line, before } = entry;
    if (before !== undefined && this.#before !== undefined && before !== this.#before) {
      this.#stick();
      return false;
    }
    const { link, onSend } = this.#options;
    this.#next += 1;
    this.#before = stamp;
    this.#misses = 0;
    onSend(entry);
    this.#queuedFrames = link.write(line) ? 0 : this.#queuedFrames + 1;
    return true;
  }

  #stick(): void {
    this.#state = "stuck";
    this.#options.onRollback();
  }

  #fill(): void {
    this.#state = "full";
    if (this.#isLagging) return;
    this.#isLagging = true;
    this.#options.link.write(frameLine({ type: "lag", inbox: this.sent, top: this.#top }));
  }
}
