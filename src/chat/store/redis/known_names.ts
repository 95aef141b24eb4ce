import type { RedisStoreContext } from "./context.ts";

/** Names that are remembered. */
const MAX_KNOWN = 100_000;

/** Knows which names have an account. One that has been seen needs no look at Redis any more: accounts do not go away. */
export class KnownNames {
  readonly #context: RedisStoreContext;
  readonly #known = new Set<string>();

  constructor(context: RedisStoreContext) {
    this.#context = context;
  }

  /** Which of some names nobody has. @throws {RedisError} */
  async findUnknown(names: Iterable<string>): Promise<ReadonlySet<string>> {
    const { reads, keys, deadlineMs } = this.#context;
    const unknown = new Set<string>();
    const asked = new Set<string>();
    for (const name of names) if (!this.#known.has(name)) asked.add(name);
    if (asked.size === 0) return unknown;
    await Promise.all(
      Array.from(asked, async (name) => {
        const key = keys.mark(name);
        const exists = await reads.command(key, ["HEXISTS", key, "epoch"], { deadlineMs });
        if (exists === 1) this.#remember(name);
        else unknown.add(name);
      }),
    );
    return unknown;
  }

  #remember(name: string): void {
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.add(name);
  }
}
