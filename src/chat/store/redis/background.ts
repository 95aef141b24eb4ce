import type { RedisStoreContext } from "./context.ts";
import { isSilence, toStoreError } from "./error.ts";

/** Work that nobody waits for. What fails is owed already, and found by the sweeper. */
export class Background {
  readonly #onError: RedisStoreContext["onError"];
  readonly #running = new Set<Promise<void>>();

  constructor({ onError }: Pick<RedisStoreContext, "onError">) {
    this.#onError = onError;
  }

  run(work: () => Promise<void>): void {
    const running = work()
      .catch((error: unknown) => this.report(error))
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Tells what failed, unless the connection tells it: that Redis does not answer. */
  report(error: unknown): void {
    const failure = toStoreError(error, "deliver");
    if (!isSilence(failure.cause)) this.#onError(failure, { during: "write" });
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }
}
