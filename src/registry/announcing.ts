import { type Clock, systemClock } from "../async/mod.ts";
import { type RedisConnection, RedisError } from "../redis/mod.ts";
import { checkAnnouncement } from "./announcement.ts";
import { type Announcement, RegistryError } from "./contract.ts";
import { type RegistryKeys, writeChange } from "./keys.ts";

/** What {@linkcode Announcing} needs. */
export interface AnnouncingOptions {
  readonly connection: RedisConnection;
  readonly keys: RegistryKeys;
  readonly leaseMs: number;
  readonly renewMs: number;
  readonly clock?: Clock | undefined;
  onError(error: Error): void;
}

/** One announcement that is kept in Redis: written, renewed, changed, and taken out at the end. One write at a time. */
export class Announcing {
  readonly #options: AnnouncingOptions;
  readonly #written: PromiseWithResolvers<void> = Promise.withResolvers();
  #running: Promise<void> = Promise.resolve();
  #announcement: Announcement;
  /** Whether others have to be told, beyond renewing the lease. */
  #isNews = true;
  #isEnding = false;
  #ended: Promise<void> | undefined;
  /** Ends the pause between two writes. */
  #wake: (() => void) | undefined;

  private constructor(announcement: Announcement, options: AnnouncingOptions) {
    this.#announcement = checkAnnouncement(announcement);
    this.#options = options;
  }

  /**
   * Begins to announce.
   *
   * @throws {TypeError} When the announcement is not well-formed.
   */
  static start(announcement: Announcement, options: AnnouncingOptions): Announcing {
    const announcing = new Announcing(announcement, options);
    announcing.#start();
    return announcing;
  }

  /** Resolves when it was written for the first time; rejects when it was ended before that. */
  get written(): Promise<void> {
    return this.#written.promise;
  }

  /** Changes what is announced and tells it at once. */
  update(change: Partial<Omit<Announcement, "id">>): void {
    const { id } = this.#announcement;
    this.#announcement = checkAnnouncement({ ...this.#announcement, ...change, id });
    this.tell();
  }

  /** Writes and tells it at once, such as to a Redis that has come back empty. */
  tell(): void {
    this.#isNews = true;
    this.#wake?.();
  }

  /** Takes it out and says goodbye. Without Redis the lease runs out instead. Idempotent. */
  end(): Promise<void> {
    this.#ended ??= this.#end();
    return this.#ended;
  }

  #start(): void {
    this.#running = this.#run();
  }

  async #end(): Promise<void> {
    this.#isEnding = true;
    this.#wake?.();
    await this.#running;
    this.#written.reject(new RegistryError("Cannot announce server: the registry was closed"));
    // Nobody may be waiting for it any more.
    this.#written.promise.catch(() => undefined);
    const { connection, keys } = this.#options;
    const { id } = this.#announcement;
    const change = writeChange({ goodbye: id });
    try {
      await connection.ask("say goodbye", (client) =>
        client.multi().del(keys.server(id)).sRem(keys.index, id).publish(keys.channel, change).exec(),
      );
    } catch (error) {
      this.#options.onError(asError(error));
    }
  }

  async #run(): Promise<void> {
    while (!this.#isEnding) {
      try {
        await this.#write();
        this.#written.resolve();
      } catch (error) {
        // That there is no connection is told by the connection; it wakes us when it is back.
        const isAway = error instanceof RedisError && error.code === "unreachable";
        if (!isAway) this.#options.onError(asError(error));
        this.#isNews = true;
        await this.#pause();
        continue;
      }
      if (!this.#isNews) await this.#pause();
    }
  }

  async #write(): Promise<void> {
    const { connection, keys, leaseMs } = this.#options;
    const announcement = this.#announcement;
    const isNews = this.#isNews;
    this.#isNews = false;
    await connection.ask("announce the server", (client) => {
      const lease = { expiration: { type: "PX", value: leaseMs } } as const;
      const text = JSON.stringify(announcement);
      const multi = client.multi().set(keys.server(announcement.id), text, lease);
      multi.sAdd(keys.index, announcement.id);
      if (isNews) multi.publish(keys.channel, writeChange({ seen: announcement }));
      return multi.exec();
    });
  }

  async #pause(): Promise<void> {
    if (this.#isEnding) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = (this.#options.clock ?? systemClock).after(this.#options.renewMs, resolve);
    this.#wake = resolve;
    await promise;
    timer.cancel();
    this.#wake = undefined;
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
