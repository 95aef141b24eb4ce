import type { Client, Policy } from "../contract.ts";
import type { Backend, BackendRecord } from "./backend.ts";

/**
 * The backends of a pool, sorted by how good they are, and a policy for each sort.
 *
 * Knows, too, who of them could serve and who only has no place left.
 */
export class Tiers {
  /** The best first: proven, proven backups, new, new backups. */
  readonly #tiers: readonly Policy<BackendRecord>[];
  readonly #usable = new Set<BackendRecord>();
  readonly #proven = new Set<BackendRecord>();
  readonly #full = new Set<BackendRecord>();

  constructor(policy: () => Policy<BackendRecord>) {
    this.#tiers = Array.from({ length: 4 }, policy);
  }

  /** The same backends under another policy; these here are empty then. */
  replacedBy(policy: () => Policy<BackendRecord>, records: Iterable<BackendRecord>): Tiers {
    const tiers = new Tiers(policy);
    for (const record of records) {
      this.remove(record);
      tiers.place(record);
    }
    return tiers;
  }

  /** How many backends could serve if they were neither held nor full. */
  get usable(): number {
    return this.#usable.size;
  }

  /** Whether there is a backend that has answered and could serve. */
  get hasProven(): boolean {
    return this.#proven.size > 0;
  }

  /** How many connections those that have answered and may serve can have; undefined when one of them does not say. */
  get capacity(): number | undefined {
    let sum = 0;
    for (const record of this.#proven) {
      if (!record.isOpen) continue;
      if (record.capacity === undefined) return undefined;
      sum += record.capacity;
    }
    return sum;
  }

  /** Puts a backend, which may be new here, where it belongs; one of weight 0 nowhere. To be told of every change. */
  place(record: BackendRecord): void {
    const isNew = record.health.verdict === "new";
    const tier = record.weight > 0 ? this.#tiers[(isNew ? 2 : 0) + (record.backup ? 1 : 0)] : undefined;
    setMember(this.#usable, record, record.isUsable);
    setMember(this.#proven, record, record.isUsable && !isNew);
    setMember(this.#full, record, record.isOpen && record.isFull);
    if (record.tier === tier) {
      tier?.change(record);
      return;
    }
    record.tier?.remove(record);
    tier?.add(record);
    record.tier = tier;
  }

  remove(record: BackendRecord): void {
    record.tier?.remove(record);
    record.tier = undefined;
    this.#usable.delete(record);
    this.#proven.delete(record);
    this.#full.delete(record);
  }

  /** Picks for a client and counts it. */
  take(client: Client, except: ReadonlySet<Backend>): BackendRecord | undefined {
    // All backends of ours are records; others in the set do no harm.
    const tried = except as ReadonlySet<BackendRecord>;
    for (const tier of this.#tiers) {
      const record = tier.pick(client, tried);
      if (!record) continue;
      record.active += 1;
      record.total += 1;
      if (record.isFull) this.#full.add(record);
      if (tier.countsConnections || record.isFull) tier.change(record);
      return record;
    }
    return undefined;
  }

  /** Uncounts a client; that of a backend which is no longer here, too. */
  giveBack(record: BackendRecord): void {
    const wasFull = record.isFull;
    record.active -= 1;
    const hasRoom = wasFull && !record.isFull;
    if (hasRoom) this.#full.delete(record);
    if (hasRoom || record.tier?.countsConnections) record.tier?.change(record);
  }

  /** Whether a backend that is not in `except` could serve if it were not full. */
  hasFull(except: ReadonlySet<Backend>): boolean {
    for (const record of this.#full) if (!except.has(record)) return true;
    return false;
  }
}

function setMember<T>(set: Set<T>, value: T, isMember: boolean): void {
  if (isMember) set.add(value);
  else set.delete(value);
}
