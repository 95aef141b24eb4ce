import { type Clock, systemClock, wait } from "../async/mod.ts";
import { RedisError, type RedisKeyspace } from "../redis/mod.ts";
import { Book } from "./book.ts";
import {
  type Announcement,
  RegistryError,
  type RegistryErrorReport,
  type RegistryHandler,
} from "./contract.ts";
import { type RegistryKeys, readChange, readServer } from "./keys.ts";
import { Leases, type LeaseTiming } from "./leases.ts";

/** What {@linkcode Watching} needs. */
export interface WatchingOptions {
  readonly keyspace: RedisKeyspace;
  readonly keys: RegistryKeys;
  readonly timing: LeaseTiming & { readonly scanMs: number };
  readonly onError: RegistryErrorReport;
  readonly clock?: Clock | undefined;
}

/** The readings that go on from the first watcher to the last. */
interface Reading {
  /** Settles after the first one that succeeded. */
  readonly first: PromiseWithResolvers<void>;
  readonly ending: AbortController;
  all: Promise<void>;
}

/** Servers asked for in one command. */
const BATCH = 512;

/** Tells watchers who is in the registry in Redis. Reads only while somebody watches. */
export class Watching {
  readonly #options: WatchingOptions;
  readonly #clock: Clock;
  readonly #book: Book;
  readonly #leases: Leases;
  #reading: Reading | undefined;
  /** What was wrong in the last reading, so that each is reported once. */
  #wrong = new Set<string>();
  #isClosed = false;

  constructor(options: WatchingOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#book = new Book(options.onError);
    this.#leases = new Leases(this.#book, options.timing);
  }

  /** As {@linkcode Registry.watch}. */
  async watch(handler: RegistryHandler): Promise<AsyncDisposable> {
    if (this.#isClosed) throw closed();
    this.#reading ??= this.#startReading();
    const unwatch = this.#book.watch(handler);
    await this.#reading.first.promise;
    return {
      [Symbol.asyncDispose]: async () => {
        unwatch();
        if (this.#book.watchers === 0) await this.#stopReading();
      },
    };
  }

  /** Takes what came on the channel of changes. */
  onMessage(text: string): void {
    if (this.#book.watchers === 0) return;
    const change = readChange(text);
    if (typeof change === "string") this.#report(new Error(`Cannot read change in registry: ${change}`));
    else if ("seen" in change) this.#leases.announced(change.seen, this.#clock.now());
    else this.#leases.saidGoodbye(change.goodbye, this.#clock.now());
  }

  /** The connection was lost: Redis may come back with less than it had. */
  onLost(): void {
    this.#leases.away();
  }

  /** Stops telling. Watchers that still wait for the first reading reject. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#book.close();
    await this.#stopReading();
  }

  #startReading(): Reading {
    const reading: Reading = {
      first: Promise.withResolvers(),
      ending: new AbortController(),
      all: Promise.resolve(),
    };
    // Nobody may be waiting for it any more when it rejects.
    reading.first.promise.catch(() => undefined);
    reading.all = this.#readAgain(reading);
    return reading;
  }

  async #stopReading(): Promise<void> {
    const reading = this.#reading;
    this.#reading = undefined;
    this.#leases.clear();
    reading?.ending.abort();
    reading?.first.reject(closed());
    await reading?.all;
  }

  async #readAgain({ first, ending: { signal } }: Reading): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#read(signal);
        first.resolve();
      } catch (error) {
        this.#leases.away();
        // That there is no connection is told by the connection.
        const isAway = error instanceof RedisError && error.code === "unreachable";
        if (!isAway && !signal.aborted)
          this.#report(error instanceof Error ? error : new Error(String(error)));
      }
      await pause(this.#options.timing.scanMs, signal, this.#clock);
    }
  }

  async #read(signal: AbortSignal): Promise<void> {
    const { keyspace, keys } = this.#options;
    const startedAt = this.#clock.now();
    const found = new Map<string, Announcement | "unreadable">();
    const wrong = new Set<string>();
    const gone: string[] = [];
    const ids = strings(await keyspace.command(keys.index, ["SMEMBERS", keys.index]));
    for (let start = 0; start < ids.length; start += BATCH) {
      const batch = ids.slice(start, start + BATCH);
      const texts = await keyspace.command(keys.index, ["MGET", ...batch.map(keys.server)]);
      for (const [index, id] of batch.entries()) {
        const text: unknown = Array.isArray(texts) ? texts[index] : undefined;
        if (typeof text !== "string") gone.push(id);
        else found.set(id, this.#readServer(id, text, wrong));
      }
    }
    if (signal.aborted) return;
    this.#wrong = wrong;
    this.#leases.read(found, startedAt, this.#clock.now());
    // Their leases ran out; one that still lives puts itself back when it renews.
    if (gone.length > 0) await keyspace.command(keys.index, ["SREM", keys.index, ...gone]);
  }

  #readServer(id: string, text: string, wrong: Set<string>): Announcement | "unreadable" {
    const announcement = readServer(id, text);
    if (typeof announcement !== "string") return announcement;
    const message = `Cannot read server "${id}" in registry: ${announcement}`;
    wrong.add(message);
    if (!this.#wrong.has(message)) this.#report(new Error(message));
    return "unreadable";
  }

  #report(error: Error): void {
    this.#options.onError(error, { during: "watch" });
  }
}

function strings(reply: unknown): readonly string[] {
  return Array.isArray(reply) ? reply.filter((item) => typeof item === "string") : [];
}

function closed(): RegistryError {
  return new RegistryError("Cannot watch: the registry was closed");
}

/** Waits, or less if the signal is aborted. */
async function pause(delayMs: number, signal: AbortSignal, clock: Clock): Promise<void> {
  try {
    await wait(delayMs, { signal, clock });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
