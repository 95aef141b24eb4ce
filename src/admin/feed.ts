import { Buffer } from "node:buffer";
import type { Clock, Timer } from "../async/mod.ts";
import type { Control } from "./contract.ts";
import { changeBetween, type Picture, takePicture } from "./picture.ts";
import { Refusal } from "./refusal.ts";

/** The most that follow at once. */
export const MAX_FOLLOWERS = 32;

/** Between two pictures, in milliseconds. */
const PERIOD_MS = 1000;

/** A follower who has taken nothing for so long, while there was something to take, is let go. */
const STUCK_MS = 30_000;

/** Options for {@linkcode Feed}. */
export interface FeedOptions {
  readonly control: Control;
  readonly clock: Clock;
  /** A look failed; the followers are told nothing until one succeeds. */
  readonly onError: (error: unknown) => void;
}

/**
 * Tells those who follow what a role has and what changes of it, as server-sent events, once a second.
 *
 * - It looks only while somebody follows, once for all of them.
 * - Each is told what is another one than what it was told last. To one who is slow nothing is kept: when it can take more it
 *   is told how things are then.
 * - At most {@linkcode MAX_FOLLOWERS} follow; one who takes nothing for 30 s is let go.
 */
export class Feed {
  readonly #options: FeedOptions;
  readonly #followers = new Set<Follower>();
  /** Runs from the first follower to the last. */
  #timer: Timer | undefined;
  #isLooking = false;
  #isClosed = false;
  #newest: Picture | undefined;
  /** The event that leads to the newest picture, by the one that it starts from. */
  readonly #events = new Map<Picture | undefined, Uint8Array>();

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  /** How many follow. */
  get followers(): number {
    return this.#followers.size;
  }

  /** Follows, from a whole picture on. Canceling the stream ends it. @throws {Refusal} 503 when too many do. */
  follow(): ReadableStream<Uint8Array> {
    if (this.#isClosed || this.#followers.size >= MAX_FOLLOWERS) {
      const headers = { "retry-after": "10" };
      throw new Refusal(`${MAX_FOLLOWERS} follow already; close one of them`, { status: 503, headers });
    }
    const follower = new Follower({
      now: () => this.#options.clock.now(),
      newest: () => this.#newest,
      eventFrom: (known) => this.#eventFrom(known),
      left: () => this.#left(follower),
    });
    this.#followers.add(follower);
    if (!this.#timer && !this.#isLooking) void this.#look();
    return follower.stream;
  }

  /** Ends all that follow. Idempotent. */
  close(): void {
    this.#isClosed = true;
    for (const follower of this.#followers) follower.end();
    this.#followers.clear();
    this.#rest();
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    const { control, clock, onError } = this.#options;
    this.#isLooking = true;
    const startedAt = clock.now();
    try {
      const picture = await takePicture(control, clock.wallNow());
      this.#newest = picture;
      this.#events.clear();
      for (const follower of this.#followers) follower.offer();
    } catch (error) {
      onError(error);
    }
    this.#isLooking = false;
    if (this.#followers.size === 0) return this.#rest();
    const delayMs = Math.max(0, startedAt + PERIOD_MS - clock.now());
    this.#timer = clock.after(delayMs, () => void this.#look());
  }

  #left(follower: Follower): void {
    this.#followers.delete(follower);
    if (this.#followers.size === 0) this.#rest();
  }

  /** Nobody follows: nothing is kept. */
  #rest(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#newest = undefined;
    this.#events.clear();
  }

  #eventFrom(known: Picture | undefined): Uint8Array {
    const found = this.#events.get(known);
    if (found || !this.#newest) return found ?? new Uint8Array();
    const data = JSON.stringify(changeBetween(known, this.#newest));
    const event = Buffer.from(`event: ${known ? "change" : "picture"}\ndata: ${data}\n\n`);
    this.#events.set(known, event);
    return event;
  }
}

/** What a {@linkcode Follower} is told by. */
interface Source {
  now(): number;
  newest(): Picture | undefined;
  /** What leads from a picture to the newest. */
  eventFrom(known: Picture | undefined): Uint8Array;
  /** It follows no more. */
  left(): void;
}

/** One who follows. At most one event waits for it. */
class Follower {
  readonly stream: ReadableStream<Uint8Array>;
  readonly #source: Source;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  /** What it was told last. */
  #known: Picture | undefined;
  #tookAt: number;

  constructor(source: Source) {
    this.#source = source;
    this.#tookAt = source.now();
    this.stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => this.#tell(),
        cancel: () => source.left(),
      },
      { highWaterMark: 1 },
    );
  }

  /** There is a newer picture. */
  offer(): void {
    const room = this.#controller?.desiredSize ?? 0;
    if (room > 0) this.#tell();
    else if (this.#source.now() - this.#tookAt > STUCK_MS) this.#giveUp();
  }

  end(): void {
    this.#controller?.close();
  }

  #tell(): void {
    this.#tookAt = this.#source.now();
    const newest = this.#source.newest();
    if (!newest || newest === this.#known) return;
    const event = this.#source.eventFrom(this.#known);
    // Before it is told: whoever waits for it asks for more at once.
    this.#known = newest;
    this.#controller?.enqueue(event);
  }

  #giveUp(): void {
    this.#controller?.error(new Error("Cannot follow: nothing was taken for too long"));
    this.#source.left();
  }
}
