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
  /** What the parent has not answered. */
  readonly #asks = new Map<number, PromiseWithResolvers<void>>();
  #lastAsk = 0;
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
    await this.#ask((ask) => ({ type: "announce", ask, announcement: current }));
    let isLive = true;
    return {
      update: (change) => {
        current = checkAnnouncement({ ...current, ...change, id });
        // The parent's answer tells nothing that somebody waits for.
        if (isLive) this.#send({ type: "announce", ask: 0, announcement: current });
      },
      [Symbol.asyncDispose]: async () => {
        if (isLive) this.#leave(id);
        isLive = false;
      },
    };
  }

  async watch(handler: RegistryHandler): Promise<AsyncDisposable> {
    this.#checkOpen("watch");
    const unwatch = this.#book.watch(handler);
    // Even when we are told already: what the parent has sent before its answer is then here.
    await this.#ask((ask) => ({ type: "watch", ask }));
    return { [Symbol.asyncDispose]: async () => unwatch() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const id of this.#announced) this.#leave(id);
    this.#end();
  }

  #checkOpen(action: string): void {
    if (this.#isClosed) throw closed(action);
  }

  #send(frame: RegistryFrame): void {
    if (!this.#isClosed) this.#channel.send(REGISTRY_TOPIC, frame);
  }

  #ask(frame: (ask: number) => RegistryFrame): Promise<void> {
    const answer = Promise.withResolvers<void>();
    this.#lastAsk += 1;
    this.#asks.set(this.#lastAsk, answer);
    this.#send(frame(this.#lastAsk));
    return answer.promise;
  }

  #leave(id: string): void {
    if (this.#announced.delete(id)) this.#send({ type: "goodbye", id });
  }

  #onFrame(frame: RegistryFrame): void {
    switch (frame.type) {
      case "done":
        this.#asks.get(frame.ask)?.resolve();
        this.#asks.delete(frame.ask);
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
    for (const ask of this.#asks.values()) ask.reject(closed("use the registry"));
    this.#asks.clear();
  }
}

function closed(action: string): RegistryError {
  return new RegistryError(`Cannot ${action}: the registry was closed`);
}
