import type { StoreError } from "../contract.ts";
import type { RedisStoreContext } from "./context.ts";
import { toStoreError } from "./error.ts";

/** Names that are remembered. */
const MAX_KNOWN = 100_000;

/**
 * Knows which names have an account. One that has been seen needs no look at Redis any more, unless that has failed over meanwhile: accounts do not
 * go away otherwise.
 */
export class KnownNames {
  readonly #context: RedisStoreContext;
  /** With the history of Redis under which each was seen. */
  readonly #known = new Map<string, string>();

  constructor(context: RedisStoreContext) {
    this.#context = context;
  }

  /** Finds out who of some names is not known to be there: nobody has the name, or where that is kept is away. */
  async findMissing(names: Iterable<string>): Promise<ReadonlyMap<string, "unknown" | StoreError>> {
    const missing = new Map<string, "unknown" | StoreError>();
    const asked = new Set<string>();
    for (const name of names) if (!this.#isKnown(name)) asked.add(name);
    if (asked.size === 0) return missing;
    await Promise.all(
      Array.from(asked, async (name) => {
        try {
          if (!(await this.#look(name))) missing.set(name, "unknown");
        } catch (cause) {
          missing.set(name, toStoreError(cause, `look for ${name}`));
        }
      }),
    );
    return missing;
  }

  /** Somebody has turned out to be gone. */
  forget(name: string): void {
    this.#known.delete(name);
  }

  #isKnown(name: string): boolean {
    const history = this.#known.get(name);
    return history !== undefined && history === this.#historyOf(name);
  }

  #historyOf(name: string): string {
    const { reads, keys } = this.#context;
    return reads.history(keys.mark(name));
  }

  async #look(name: string): Promise<boolean> {
    const { reads, keys, deadlineMs } = this.#context;
    const key = keys.mark(name);
    const history = this.#historyOf(name);
    // Half the time that a batch has: who is at a server that hangs does not use up that of the others in it.
    const exists = await reads.command(key, ["HEXISTS", key, "epoch"], { deadlineMs: deadlineMs / 2 });
    if (exists !== 1) return false;
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(name, history);
    return true;
  }
}
