import { type Clock, LinkedList, systemClock, type Timer } from "../../async/mod.ts";
import type { ClosingReason, EndReason } from "../end_reason.ts";
import type { Backend } from "../pool/backend.ts";
import type { ServedClient, TableEntries, TableEntry, TableFilter, Traffic } from "./contract.ts";
import { RunningSpread, type Spread, type SpreadOptions } from "./spread.ts";

/** How long a connection that we closed in order may take to be over before it is aborted, in milliseconds. */
export const CLOSE_GRACE_MS = 10_000;

/** The most connections that {@linkcode ConnectionTable.list} gives unless told otherwise. */
export const LIST_LIMIT = 1000;

/** What an entry tells its table. */
interface EntryOwner {
  readonly clock: Clock;
  /** It was closed in order. */
  closing(entry: LiveEntry): void;
  /** It is over. */
  left(entry: LiveEntry, wasClosing: boolean): void;
}

/** Where an entry is on its way; only forwards. */
type Phase =
  | { readonly name: "open" }
  | { readonly name: "closing"; readonly reason: ClosingReason; readonly abortAt: number }
  | { readonly name: "over"; readonly reason: EndReason };

const OPEN: Phase = { name: "open" };

class LiveEntry implements TableEntry {
  readonly openedAt: number;
  readonly serial: number;
  readonly #served: ServedClient;
  readonly #owner: EntryOwner;
  #phase: Phase = OPEN;
  /** Those beside it in the table. */
  before: LiveEntry | undefined;
  after: LiveEntry | undefined;
  /** Those beside it on its backend. */
  beforeOnBackend: LiveEntry | undefined;
  afterOnBackend: LiveEntry | undefined;

  constructor(served: ServedClient, serial: number, owner: EntryOwner) {
    this.#served = served;
    this.openedAt = owner.clock.now();
    this.serial = serial;
    this.#owner = owner;
  }

  /** Made when it is asked for: a number is smaller than a text. */
  get id(): string {
    return `c${this.serial.toString(36)}`;
  }

  get frontend(): string {
    return this.#served.frontend;
  }

  get pool(): string {
    return this.#served.pool;
  }

  get backend(): Backend {
    return this.#served.backend;
  }

  get client(): string {
    return this.#served.client;
  }

  get transport(): ServedClient["transport"] {
    return this.#served.transport;
  }

  get traffic(): Traffic {
    return this.#served.traffic;
  }

  get state(): Phase["name"] {
    return this.#phase.name;
  }

  /** When it is to be aborted, on the table's clock; Infinity while it is not being closed. */
  get abortAt(): number {
    return this.#phase.name === "closing" ? this.#phase.abortAt : Number.POSITIVE_INFINITY;
  }

  end(reason: ClosingReason): void {
    if (this.#phase.name !== "open") return;
    this.#phase = { name: "closing", reason, abortAt: this.#owner.clock.now() + CLOSE_GRACE_MS };
    this.#owner.closing(this);
    this.traffic.close();
  }

  over(reason: EndReason): EndReason {
    if (this.#phase.name === "over") return this.#phase.reason;
    const wasClosing = this.#phase.name === "closing";
    const first = this.#phase.name === "closing" ? this.#phase.reason : reason;
    this.#phase = { name: "over", reason: first };
    this.#owner.left(this, wasClosing);
    const { counters } = this.backend;
    counters.ended[first] += 1;
    counters.bytesIn += this.traffic.bytesIn;
    counters.bytesOut += this.traffic.bytesOut;
    counters.sessionSeconds.add((this.#owner.clock.now() - this.openedAt) / 1000);
    return first;
  }
}

/** The connections of one backend. */
class BackendEntries {
  readonly all: LinkedList<LiveEntry, "beforeOnBackend", "afterOnBackend"> = new LinkedList(
    "beforeOnBackend",
    "afterOnBackend",
  );
  closing = 0;
}

/**
 * Every client that is served, whatever the frontend, the pool and the transport.
 *
 * - Adding and leaving take the same time however many there are; finding looks at each. One that is over is forgotten.
 * - Names are unique in this process's life: `c1`, `c2` … `c10` after `cz`.
 * - One that was closed by {@linkcode TableEntry.end} and is not over after {@linkcode CLOSE_GRACE_MS} is aborted. There is one timer for
 *   all of these, and none while nothing is being closed.
 */
export class ConnectionTable {
  readonly clock: Clock;
  /** In the order in which they came. */
  readonly #entries = new LinkedList<LiveEntry, "before", "after">("before", "after");
  /** A backend that nobody knows any more takes its entries with it. */
  readonly #byBackend = new WeakMap<Backend, BackendEntries>();
  /** Those that may have to be aborted, in the order in which they were closed, which is that of their deadlines. */
  readonly #closing = new Set<LiveEntry>();
  readonly #spreads = new Set<RunningSpread>();
  readonly #owner: EntryOwner;
  #abortTimer: Timer | undefined;
  #lastSerial = 0;

  /** @param clock The time of `openedAt`, and of the traffic's `activeAt`. */
  constructor(clock: Clock = systemClock) {
    this.clock = clock;
    this.#owner = {
      clock,
      closing: (entry) => this.#startClosing(entry),
      left: (entry, wasClosing) => this.#remove(entry, wasClosing),
    };
  }

  /** Clients that are served now. */
  get size(): number {
    return this.#entries.size;
  }

  /** A client is served from now on, until the entry's `over` is called. */
  add(client: ServedClient): TableEntry {
    this.#lastSerial += 1;
    const entry = new LiveEntry(client, this.#lastSerial, this.#owner);
    this.#entries.add(entry);
    this.#entriesOf(entry.backend).all.add(entry);
    return entry;
  }

  /** Undefined when there is none of that name, or it is over. */
  find(id: string): TableEntry | undefined {
    const serial = Number.parseInt(id.slice(1), 36);
    for (const entry of this.#entries) {
      // Only the name as it was given counts, not `C1` or `c01`.
      if (entry.serial === serial) return entry.id === id ? entry : undefined;
    }
    return undefined;
  }

  /** Those of a backend, in the order in which they came, also after its removal from the pool. Changes with the table. */
  of(backend: Backend): TableEntries {
    return this.#entriesOf(backend).all;
  }

  /** How many a backend has that are not being closed. */
  openOn(backend: Backend): number {
    const { all, closing } = this.#entriesOf(backend);
    return all.size - closing;
  }

  /** All, in the order in which they came. */
  entries(): Iterable<TableEntry> {
    return this.#entries;
  }

  /** Those that `filter` lets through, the oldest first, `limit` at most. Looks at each until there are so many. */
  list(filter: TableFilter, limit: number = LIST_LIMIT): TableEntry[] {
    const now = this.clock.now();
    const found: TableEntry[] = [];
    for (const entry of this.#entries) {
      if (found.length >= limit) break;
      if (matches(entry, filter, now)) found.push(entry);
    }
    return found;
  }

  /** The bytes so far of those that live on a backend; `counters` has those of the others. Looks at each of them. */
  liveBytes(backend: Backend): { readonly bytesIn: number; readonly bytesOut: number } {
    let bytesIn = 0;
    let bytesOut = 0;
    for (const { traffic } of this.#entriesOf(backend).all) {
      bytesIn += traffic.bytesIn;
      bytesOut += traffic.bytesOut;
    }
    return { bytesIn, bytesOut };
  }

  /**
   * Closes those that `select` finds, evenly over the last `overMs` of `deadlineMs`; those that it comes to find later, too.
   *
   * - Those that end by themselves meanwhile are fewer to close: the rest is spread over the time that is left.
   * - The times are partly random, so that two balancers that drain together do not close together.
   * - At the deadline whatever is left is closed, 1,000 a turn at most; what is not over {@linkcode CLOSE_GRACE_MS} later is aborted.
   * - `select` is asked about once a second and gives live entries; it may give any in any order.
   * - Costs one timer, whatever the number of connections.
   */
  closeSpread(select: () => Iterable<TableEntry>, options: SpreadOptions): Spread {
    const spread = new RunningSpread(select, options, this.clock, () => this.#spreads.delete(spread));
    this.#spreads.add(spread);
    spread.start();
    return spread;
  }

  #entriesOf(backend: Backend): BackendEntries {
    const known = this.#byBackend.get(backend);
    if (known) return known;
    const entries = new BackendEntries();
    this.#byBackend.set(backend, entries);
    return entries;
  }

  #remove(entry: LiveEntry, wasClosing: boolean): void {
    this.#entries.delete(entry);
    const entries = this.#entriesOf(entry.backend);
    entries.all.delete(entry);
    if (wasClosing) entries.closing -= 1;
    this.#closing.delete(entry);
    if (this.#closing.size === 0) this.#stopTimer();
    for (const spread of this.#spreads) spread.someoneLeft();
  }

  #startClosing(entry: LiveEntry): void {
    this.#closing.add(entry);
    this.#entriesOf(entry.backend).closing += 1;
    this.#abortTimer ??= this.clock.after(CLOSE_GRACE_MS, () => this.#abortLate());
  }

  #abortLate(): void {
    this.#abortTimer = undefined;
    const now = this.clock.now();
    for (const entry of this.#closing) {
      if (entry.abortAt > now) {
        this.#abortTimer = this.clock.after(entry.abortAt - now, () => this.#abortLate());
        return;
      }
      this.#closing.delete(entry);
      entry.traffic.abort();
    }
  }

  #stopTimer(): void {
    this.#abortTimer?.cancel();
    this.#abortTimer = undefined;
  }
}

function matches(entry: LiveEntry, filter: TableFilter, now: number): boolean {
  const { pool, backend, frontend, minAgeMs = 0, minIdleMs = 0 } = filter;
  return (
    (pool === undefined || entry.pool === pool) &&
    (backend === undefined || entry.backend.name === backend) &&
    (frontend === undefined || entry.frontend === frontend) &&
    now - entry.openedAt >= minAgeMs &&
    now - entry.traffic.activeAt >= minIdleMs
  );
}
