import { type Clock, systemClock, type Timer } from "../async/mod.ts";
import { BusError, type BusErrorReport, type BusHandler, LINGER_MS, type Subscription } from "./contract.ts";

/** The broker as {@linkcode Interest} needs it. For each channel it is asked for one thing at a time. */
export interface InterestOptions {
  /** Makes messages of a channel arrive. Resolves when they do; when it rejects, they do not. */
  join(channel: string): Promise<void>;
  /** Ends what `join` began. */
  leave(channel: string): Promise<void>;
  readonly lingerMs?: number | undefined;
  readonly onError?: BusErrorReport | undefined;
  readonly clock?: Clock | undefined;
}

/** Everything about one channel; in the map from its first subscription until it is left. */
interface Entry {
  readonly channel: string;
  readonly handlers: Set<{ readonly call: BusHandler }>;
  /** Runs while the channel is kept without a handler. */
  linger: Timer | undefined;
  isJoined: boolean;
  /** The one piece of work with the broker that is under way. */
  work: Promise<void> | undefined;
}

/**
 * Who in this process wants which channels. The only place that joins and leaves: many subscriptions are one interest, one
 * operation at a time is under way for a channel, and a channel is left a while after its last subscription.
 */
export class Interest {
  readonly #options: InterestOptions;
  readonly #clock: Clock;
  readonly #lingerMs: number;
  readonly #entries = new Map<string, Entry>();
  #isClosed = false;

  constructor(options: InterestOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#lingerMs = options.lingerMs ?? LINGER_MS;
  }

  /** Channels that are joined, being joined or being left. */
  channels(): IterableIterator<string> {
    return this.#entries.keys();
  }

  /** Whether somebody here would get a message of this channel. */
  has(channel: string): boolean {
    return (this.#entries.get(channel)?.handlers.size ?? 0) > 0;
  }

  /** As {@linkcode Bus.subscribe}. */
  async subscribe(channel: string, handler: BusHandler): Promise<Subscription> {
    this.#checkOpen(channel);
    const entry = this.#entry(channel);
    const subscriber = { call: handler };
    entry.handlers.add(subscriber);
    entry.linger?.cancel();
    entry.linger = undefined;
    if (!entry.isJoined) await this.#settle(entry);
    this.#checkOpen(channel);
    return { [Symbol.asyncDispose]: async () => this.#drop(entry, subscriber) };
  }

  /** Calls every handler of a channel. */
  deliver(channel: string, payload: Uint8Array): void {
    const entry = this.#entries.get(channel);
    if (!entry) return;
    for (const handler of entry.handlers) {
      try {
        handler.call(payload);
      } catch (error) {
        this.#report(error, "handler");
      }
    }
  }

  /** Drops every subscription without asking the broker for anything more; those under way reject. */
  close(): void {
    this.#isClosed = true;
    for (const entry of this.#entries.values()) {
      entry.linger?.cancel();
      entry.handlers.clear();
    }
    this.#entries.clear();
  }

  #checkOpen(channel: string): void {
    if (this.#isClosed) throw new BusError("closed", `Cannot subscribe to "${channel}": the bus was closed`);
  }

  #entry(channel: string): Entry {
    const known = this.#entries.get(channel);
    if (known) return known;
    const entry: Entry = {
      channel,
      handlers: new Set(),
      linger: undefined,
      isJoined: false,
      work: undefined,
    };
    this.#entries.set(channel, entry);
    return entry;
  }

  #drop(entry: Entry, subscriber: { readonly call: BusHandler }): void {
    if (!entry.handlers.delete(subscriber) || entry.handlers.size > 0) return;
    entry.linger = this.#clock.after(this.#lingerMs, () => {
      entry.linger = undefined;
      this.#settle(entry).catch((error) => this.#report(error, "subscribe"));
    });
  }

  /** Brings the broker in line with what is wanted; whoever asks meanwhile gets the same promise. */
  #settle(entry: Entry): Promise<void> {
    entry.work ??= this.#work(entry).finally(() => {
      entry.work = undefined;
    });
    return entry.work;
  }

  async #work(entry: Entry): Promise<void> {
    for (;;) {
      const isWanted = entry.handlers.size > 0 || entry.linger !== undefined;
      if (this.#isClosed || isWanted === entry.isJoined) break;
      if (isWanted) await this.#join(entry);
      else await this.#leave(entry);
    }
    if (!entry.isJoined) this.#forget(entry);
  }

  async #join(entry: Entry): Promise<void> {
    try {
      await this.#options.join(entry.channel);
      entry.isJoined = true;
    } catch (cause) {
      // Who comes from now on tries anew.
      this.#forget(entry);
      this.#checkOpen(entry.channel);
      throw unavailable(entry.channel, cause);
    }
  }

  async #leave(entry: Entry): Promise<void> {
    entry.isJoined = false;
    try {
      await this.#options.leave(entry.channel);
    } catch (error) {
      if (!this.#isClosed) this.#report(error, "subscribe");
    }
  }

  #forget(entry: Entry): void {
    entry.linger?.cancel();
    entry.handlers.clear();
    if (this.#entries.get(entry.channel) === entry) this.#entries.delete(entry.channel);
  }

  #report(error: unknown, during: "handler" | "subscribe"): void {
    try {
      this.#options.onError?.(error instanceof Error ? error : new Error(String(error)), { during });
    } catch (thrown) {
      // It must not throw; if it does, the other handlers still get their message.
      queueMicrotask(() => {
        throw thrown;
      });
    }
  }
}

function unavailable(channel: string, cause: unknown): BusError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new BusError("unavailable", `Cannot subscribe to "${channel}": ${reason}`, { cause });
}
