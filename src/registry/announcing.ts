import { type Clock, systemClock } from "../async/mod.ts";
import { defineScript, RedisError, type RedisKeyspace } from "../redis/mod.ts";
import { checkAnnouncement } from "./announcement.ts";
import { type Announcement, RegistryError } from "./contract.ts";
import { type RegistryKeys, writeChange } from "./keys.ts";

/** What {@linkcode Announcing} needs. */
export interface AnnouncingOptions {
  readonly keyspace: RedisKeyspace;
  readonly keys: RegistryKeys;
  readonly leaseMs: number;
  readonly renewMs: number;
  readonly clock?: Clock | undefined;
  onError(error: Error): void;
}

/** Keys: index, server. Arguments: id, announcement, lease, how to publish, channel, change; no change is no news. */
const ANNOUNCE = defineScript(`
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
redis.call('SADD', KEYS[1], ARGV[1])
if ARGV[6] ~= '' then redis.call(ARGV[4], ARGV[5], ARGV[6]) end
`);

/** Keys: index, server. Arguments: id, how to publish, channel, change. */
const SAY_GOODBYE = defineScript(`
redis.call('DEL', KEYS[2])
redis.call('SREM', KEYS[1], ARGV[1])
redis.call(ARGV[2], ARGV[3], ARGV[4])
`);

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
    const { keyspace, keys } = this.#options;
    const { id } = this.#announcement;
    const change = writeChange({ goodbye: id });
    try {
      const args = [id, this.#publish, keys.channel, change];
      await keyspace.script(SAY_GOODBYE, [keys.index, keys.server(id)], args);
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
    const { keyspace, keys, leaseMs } = this.#options;
    const announcement = this.#announcement;
    const change = this.#isNews ? writeChange({ seen: announcement }) : "";
    this.#isNews = false;
    const { id } = announcement;
    const args = [id, JSON.stringify(announcement), `${leaseMs}`, this.#publish, keys.channel, change];
    await keyspace.script(ANNOUNCE, [keys.index, keys.server(id)], args);
  }

  get #publish(): string {
    return this.#options.keyspace.kind === "one" ? "PUBLISH" : "SPUBLISH";
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
