import { backoff, type Clock, wait, withDeadline } from "../../async/mod.ts";

/** Options for {@linkcode Backlog}. */
export interface BacklogOptions<T> {
  /** Does the work for some keys. What rejects is done again, all of it: to do it twice must be harmless. */
  readonly work: (batch: ReadonlyMap<string, T>) => Promise<void>;
  /** Keys that are worked on together. */
  readonly batchSize: number;
  /** Keys that may wait; beyond them the longest waiting is forgotten. */
  readonly maxWaiting: number;
  readonly clock: Clock;
  readonly onError: (error: unknown) => void;
}

/** The delays before what failed is done again, in milliseconds. */
const FIRST_RETRY_MS = 200;
const MAX_RETRY_MS = 5000;

/**
 * Work that is done in the background, batch after batch, so that very much of it at once does not stop the event loop.
 *
 * For each key the newest value counts. What fails is done again, later and later, until it succeeds.
 */
export class Backlog<T> {
  readonly #options: BacklogOptions<T>;
  readonly #waiting = new Map<string, T>();
  readonly #closing = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: BacklogOptions<T>) {
    this.#options = options;
  }

  /** How many keys wait. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Adds work. Does nothing once it is closed. */
  add(key: string, value: T): void {
    if (this.#closing.signal.aborted) return;
    this.#waiting.set(key, value);
    this.#forgetOldest();
    this.#running ??= this.#run();
  }

  /** Does what is left, each batch once, for at most `graceMs`. What is not done by then is left undone, and reported. */
  async close(graceMs: number): Promise<void> {
    this.#closing.abort(new Error("the work is over"));
    if (!this.#running) return;
    try {
      await withDeadline(this.#running, graceMs, "finish what is under way", this.#options.clock);
    } catch (error) {
      this.#options.onError(error);
    }
    this.#waiting.clear();
  }

  #forgetOldest(): void {
    if (this.#waiting.size <= this.#options.maxWaiting) return;
    const [oldest] = this.#waiting.keys();
    if (oldest !== undefined) this.#waiting.delete(oldest);
  }

  async #run(): Promise<void> {
    // What is added in one turn of the event loop is worked on together.
    await this.#pause(0);
    let retries = backoff({ firstMs: FIRST_RETRY_MS, maxMs: MAX_RETRY_MS });
    while (this.#waiting.size > 0) {
      if (await this.#workSome()) {
        retries = backoff({ firstMs: FIRST_RETRY_MS, maxMs: MAX_RETRY_MS });
        await this.#pause(0);
      } else await this.#pause(retries.next().value);
    }
    this.#running = undefined;
  }

  /** @returns Whether it could be done. */
  async #workSome(): Promise<boolean> {
    const { work, batchSize, onError } = this.#options;
    const batch = new Map(this.#waiting.entries().take(batchSize));
    for (const key of batch.keys()) this.#waiting.delete(key);
    try {
      await work(batch);
      return true;
    } catch (error) {
      onError(error);
      if (this.#closing.signal.aborted) return true;
      // A newer value that came meanwhile stays.
      for (const [key, value] of batch) if (!this.#waiting.has(key)) this.#waiting.set(key, value);
      return false;
    }
  }

  async #pause(delayMs: number): Promise<void> {
    const { signal } = this.#closing;
    if (signal.aborted) return;
    try {
      await wait(delayMs, { signal, clock: this.#options.clock });
    } catch {
      // Closed while it waited: the signal says so.
    }
  }
}
