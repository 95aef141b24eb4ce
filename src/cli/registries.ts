import { type Registry, redisRegistry } from "../registry/mod.ts";
import type { OnError } from "./backing.ts";

/** The registries of a role, one for each Redis that it is told of. */
export class Registries implements AsyncDisposable {
  /** To be aborted when the clients have had their time: from then on a Redis that does not answer is not waited for. */
  readonly ending: AbortController = new AbortController();
  readonly #onError: OnError;
  readonly #opened = new Map<string, Promise<Registry>>();

  constructor(onError: OnError) {
    this.#onError = onError;
  }

  /** Connects to the registry of a Redis, unless that was done before. @throws {RedisError} */
  at(url: string): Promise<Registry> {
    const known = this.#opened.get(url);
    if (known !== undefined) return known;
    const connection = { ending: this.ending.signal };
    const opening = redisRegistry({ url, onError: this.#onError, connection });
    this.#opened.set(url, opening);
    // One that could not be reached is tried again the next time.
    opening.catch(() => this.#opened.delete(url));
    return opening;
  }

  /** Leaves every Redis but this one. Never rejects. */
  async keep(url: string | undefined): Promise<void> {
    const left = [...this.#opened].filter(([known]) => known !== url);
    for (const [known] of left) this.#opened.delete(known);
    const opened = await Promise.allSettled(left.map(([, opening]) => opening));
    const closed = opened.map(async (one) => {
      if (one.status === "fulfilled") await one.value[Symbol.asyncDispose]();
    });
    for (const one of await Promise.allSettled(closed))
      if (one.status === "rejected") this.#onError(one.reason, { during: "leave a Redis" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const registries = await Promise.allSettled(this.#opened.values());
    for (const opened of registries)
      if (opened.status === "fulfilled") await opened.value[Symbol.asyncDispose]();
  }
}
