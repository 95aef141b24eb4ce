import type { Channel } from "../server/mod.ts";
import { checkAnnouncement } from "./announcement.ts";
import { Book } from "./book.ts";
import {
  type Announced,
  type Announcement,
  type Registry,
  RegistryError,
  type RegistryHandler,
} from "./contract.ts";
import { isRegistryFrame, REGISTRY_TOPIC, type RegistryFrame } from "./frame.ts";
import type { LocalRegistryOptions } from "./local_registry.ts";

/**
 * Makes the registry of a child process whose parent attached it to a {@linkcode localRegistry}. When the parent is gone
 * nothing more is told, and what was under way rejects with `closed`.
 *
 * @param channel The channel to the parent; its topic `registry` is ours.
 */
export function channelRegistry(channel: Channel, options: LocalRegistryOptions = {}): Registry {
  return new InChild(channel, options);
}

class InChild implements Registry {
  readonly #channel: Channel;
  readonly #book: Book;
  readonly #announced = new Set<string>();
  /** Announcements that the parent has not confirmed. */
  readonly #asks = new Map<number, PromiseWithResolvers<void>>();
  #lastAsk = 0;
  /** The first reading; undefined until somebody watches. */
  #reading: PromiseWithResolvers<void> | undefined;
  #isClosed = false;

  constructor(channel: Channel, options: LocalRegistryOptions) {
    this.#channel = channel;
    this.#book = new Book(options.onError);
    channel.on(REGISTRY_TOPIC, (body) => {
      if (isRegistryFrame(body) && !this.#isClosed) this.#onFrame(body);
    });
    void channel.closed.then(() => this.#end());
  }

  async announce(announcement: Announcement): Promise<Announced> {
    this.#checkOpen("announce");
    let current = checkAnnouncement(announcement);
    const { id } = current;
    if (this.#announced.has(id)) throw new TypeError(`Cannot announce server: "${id}" is announced already`);
    this.#announced.add(id);
    await this.#write(current);
    return {
      update: (change) => {
        current = checkAnnouncement({ ...current, ...change, id });
        // The parent's answer tells nothing that somebody waits for.
        if (this.#announced.has(id)) this.#send({ type: "announce", ask: 0, announcement: current });
      },
      [Symbol.asyncDispose]: async () => this.#leave(id),
    };
  }

  async watch(handler: RegistryHandler): Promise<AsyncDisposable> {
    this.#checkOpen("watch");
    const unwatch = this.#book.watch(handler);
    if (!this.#reading) {
      this.#reading = Promise.withResolvers();
      this.#send({ type: "watch" });
    }
    await this.#reading.promise;
    return { [Symbol.asyncDispose]: async () => unwatch() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const id of this.#announced) this.#leave(id);
    this.#end();
  }

  #checkOpen(action: string): void {
    if (this.#isClosed) throw closed(action);
  }

  #send(frame: RegistryFrame): boolean {
    return this.#channel.send(REGISTRY_TOPIC, frame);
  }

  #write(announcement: Announcement): Promise<void> {
    const ask = Promise.withResolvers<void>();
    this.#lastAsk += 1;
    this.#asks.set(this.#lastAsk, ask);
    this.#send({ type: "announce", ask: this.#lastAsk, announcement });
    return ask.promise;
  }

  #leave(id: string): void {
    if (this.#announced.delete(id)) this.#send({ type: "goodbye", id });
  }

  #onFrame(frame: RegistryFrame): void {
    switch (frame.type) {
      case "announced":
        this.#asks.get(frame.ask)?.resolve();
        this.#asks.delete(frame.ask);
        return;
      case "watching":
        this.#reading?.resolve();
        return;
      case "seen":
        this.#book.see(frame.announcement);
        return;
      case "left":
        this.#book.leave(frame.id, frame.reason);
        return;
      case "announce":
      case "goodbye":
      case "watch":
        return;
    }
  }

  #end(): void {
    this.#isClosed = true;
    this.#book.close();
    for (const ask of this.#asks.values()) ask.reject(closed("announce"));
    this.#asks.clear();
    this.#reading?.reject(closed("watch"));
    // Nobody may be waiting for it any more.
    this.#reading?.promise.catch(() => undefined);
  }
}

function closed(action: string): RegistryError {
  return new RegistryError(`Cannot ${action}: the registry was closed`);
}
