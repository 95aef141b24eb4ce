import type { Channel } from "../server/mod.ts";
import { checkAnnouncement } from "./announcement.ts";
import { Book } from "./book.ts";
import {
  type Announced,
  type Announcement,
  type Registry,
  RegistryError,
  type RegistryErrorReport,
  type RegistryHandler,
} from "./contract.ts";
import { isRegistryFrame, REGISTRY_TOPIC, type RegistryFrame } from "./frame.ts";

/** Options for {@linkcode localRegistry} and {@linkcode channelRegistry}. */
export interface LocalRegistryOptions {
  /** Called when a handler throws; it must not throw. @default {ignored} */
  onError?: RegistryErrorReport;
}

/** The registry of one machine: held by the parent, used by it and its children. */
export interface LocalRegistry extends Registry {
  /** @internal Serves a child over its channel, on the topic `registry`. When that breaks, all that the child announced have left. */
  attach(channel: Channel): void;
}

/**
 * Makes a registry for this process and its children; they use {@linkcode channelRegistry}. There are no leases: who is gone
 * has said `goodbye`, because the parent sees its children end.
 *
 * @example A server that comes and goes
 * ```ts
 * import assert from "node:assert/strict";
 * import { localRegistry } from "chorus";
 *
 * await using registry = localRegistry();
 * const seen: string[] = [];
 * await using _ = await registry.watch({
 *   joined: ({ id, tcp }) => seen.push(`${id} serves at ${tcp}`),
 *   changed: ({ id }) => seen.push(`${id} says something else`),
 *   left: (id, reason) => seen.push(`${id} has left: ${reason}`),
 * });
 * const announced = await registry.announce({ id: "s1", tcp: "10.0.0.7:7000", weight: 1, capacity: 0, draining: false });
 * await announced[Symbol.asyncDispose]();
 * assert.deepEqual(seen, ["s1 serves at 10.0.0.7:7000", "s1 has left: goodbye"]);
 * ```
 */
export function localRegistry(options: LocalRegistryOptions = {}): LocalRegistry {
  return new InParent(options);
}

interface Owner {
  readonly isParent: boolean;
}

interface Child extends Owner {
  send(frame: RegistryFrame): boolean;
  /** Set once it watches. */
  unwatch: (() => void) | undefined;
}

class InParent implements LocalRegistry {
  readonly #book: Book;
  /** Who announced an id: a child, or one call of `announce` here. */
  readonly #owners = new Map<string, Owner>();
  #isClosed = false;

  constructor(options: LocalRegistryOptions) {
    this.#book = new Book(options.onError);
  }

  async announce(announcement: Announcement): Promise<Announced> {
    this.#checkOpen("announce");
    let current = checkAnnouncement(announcement);
    const { id } = current;
    if (this.#owners.has(id)) throw new TypeError(`Cannot announce server: "${id}" is announced already`);
    const owner = { isParent: true };
    this.#see(current, owner);
    return {
      update: (change) => {
        current = checkAnnouncement({ ...current, ...change, id });
        if (this.#owners.get(id) === owner) this.#see(current, owner);
      },
      [Symbol.asyncDispose]: async () => this.#leave(id, owner),
    };
  }

  async watch(handler: RegistryHandler): Promise<AsyncDisposable> {
    this.#checkOpen("watch");
    const unwatch = this.#book.watch(handler);
    return { [Symbol.asyncDispose]: async () => unwatch() };
  }

  attach(channel: Channel): void {
    const child: Child = {
      isParent: false,
      send: (frame) => channel.send(REGISTRY_TOPIC, frame),
      unwatch: undefined,
    };
    channel.on(REGISTRY_TOPIC, (body) => {
      if (isRegistryFrame(body) && !this.#isClosed) this.#onFrame(body, child);
    });
    void channel.closed.then(() => {
      child.unwatch?.();
      for (const [id, owner] of this.#owners) if (owner === child) this.#leave(id, child);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const [id, owner] of this.#owners) if (owner.isParent) this.#leave(id, owner);
    this.#isClosed = true;
    this.#book.close();
  }

  #checkOpen(action: string): void {
    if (this.#isClosed) throw new RegistryError(`Cannot ${action}: the registry was closed`);
  }

  #onFrame(frame: RegistryFrame, child: Child): void {
    switch (frame.type) {
      case "announce":
        this.#see(frame.announcement, child);
        child.send({ type: "done", ask: frame.ask });
        return;
      case "goodbye":
        this.#leave(frame.id, child);
        return;
      case "watch":
        child.unwatch ??= this.#book.watch({
          joined: (announcement) => void child.send({ type: "seen", announcement }),
          changed: (announcement) => void child.send({ type: "seen", announcement }),
          left: (id, reason) => void child.send({ type: "left", id, reason }),
        });
        child.send({ type: "done", ask: frame.ask });
        return;
      case "done":
      case "seen":
      case "left":
        return;
    }
  }

  #see(announcement: Announcement, owner: Owner): void {
    this.#owners.set(announcement.id, owner);
    this.#book.see(announcement);
  }

  #leave(id: string, owner: Owner): void {
    if (this.#owners.get(id) !== owner) return;
    this.#owners.delete(id);
    this.#book.leave(id, "goodbye");
  }
}
