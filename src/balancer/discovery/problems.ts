import { DiscoveryError, type DiscoveryReport } from "./error.ts";

/** Problems that are reported one by one; of more it is said how many there are. */
const MAX_REPORTS = 10;

/** What went wrong during one act, kept until it is over, so that a report finds everything settled. */
export class Problems {
  #first: { readonly error: unknown; readonly during: string }[] = [];
  #more = 0;
  readonly #onError: DiscoveryReport | undefined;

  constructor(onError: DiscoveryReport | undefined) {
    this.#onError = onError;
  }

  note(error: unknown, during: string): void {
    if (this.#first.length < MAX_REPORTS) this.#first.push({ error, during });
    else this.#more += 1;
  }

  /** Tells and forgets all. */
  report(): void {
    const [first, more] = [this.#first, this.#more];
    this.#first = [];
    this.#more = 0;
    for (const { error, during } of first) this.#onError?.(error, { during });
    if (more === 0) return;
    const message = `Cannot use ${more} more backends, for these reasons or others`;
    this.#onError?.(new DiscoveryError("invalid", message), { during: "discover" });
  }
}
