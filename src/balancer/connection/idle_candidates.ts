import type { TableEntry } from "./contract.ts";

/** The most that one search keeps. */
const MOST = 64;
/** How long what a search has found is good for, in milliseconds. */
const GOOD_FOR_MS = 5000;

interface Candidate {
  readonly entry: TableEntry;
  readonly activeAt: number;
}

/** Finds the connections on which nothing has moved for longest, one after the other, without looking at all for each. */
export class IdleCandidates {
  readonly #entries: Iterable<TableEntry>;
  /** The longest idle one last. */
  #found: Candidate[] = [];
  #foundAt: number = Number.NEGATIVE_INFINITY;

  /** @param entries Those that there are, whenever it is asked. */
  constructor(entries: Iterable<TableEntry>) {
    this.#entries = entries;
  }

  /** Whether the next ones have to be searched for, among all. */
  isStale(now: number): boolean {
    return this.#found.length === 0 || now - this.#foundAt > GOOD_FOR_MS;
  }

  /** Searches for the next ones. Takes time in proportion to all. */
  search(now: number): void {
    this.#foundAt = now;
    let found: Candidate[] = [];
    let latest = Number.POSITIVE_INFINITY;
    for (const entry of this.#entries) {
      const { activeAt } = entry.traffic;
      if (activeAt >= latest || entry.state !== "open") continue;
      found.push({ entry, activeAt });
      if (found.length < 2 * MOST) continue;
      found = longestIdle(found);
      latest = found[0]?.activeAt ?? latest;
    }
    this.#found = longestIdle(found);
  }

  /** The longest idle one, if nothing has moved on it since it was found; undefined when none that was found is left. */
  next(): TableEntry | undefined {
    for (let last = this.#found.pop(); last; last = this.#found.pop())
      if (last.entry.state === "open" && last.entry.traffic.activeAt === last.activeAt) return last.entry;
    return undefined;
  }
}

/** The first to be closed last, {@linkcode MOST} at most. */
function longestIdle(candidates: Candidate[]): Candidate[] {
  return candidates.sort((one, other) => other.activeAt - one.activeAt).slice(-MOST);
}
