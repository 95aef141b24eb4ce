import type { Change, ListName, Row } from "../picture.ts";
import type { BackendRow, DrainRow, FrontendRow, PoolRow, ServerRow } from "./rows.ts";

/** How fast something of a row goes, a second. */
export interface Rates {
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Clients that were connected, and the seconds that it took. */
  readonly connected: number;
  readonly connectSeconds: number;
  /** Messages stored, and written to clients. */
  readonly received: number;
  readonly delivered: number;
}

const STILL: Rates = {
  bytesIn: 0,
  bytesOut: 0,
  connected: 0,
  connectSeconds: 0,
  received: 0,
  delivered: 0,
};

const COUNTERS = Object.keys(STILL) as readonly (keyof Rates)[];

/** A longer gap between two events than this says nothing of a rate now, in seconds. */
const MAX_GAP_S = 30;

const NAMES: readonly ListName[] = ["pools", "backends", "frontends", "servers", "drains"];

/**
 * Everything that is known, as the server told it. Rows are changed in place; the lists hold what the server has and nothing more.
 */
export class Model {
  /** When the server last told something, in milliseconds since 1970 by its clock. */
  at = 0;
  health: Readonly<Record<string, unknown>> = {};
  readonly #lists: Readonly<Record<ListName, Map<string, Record<string, unknown>>>> = {
    pools: new Map(),
    backends: new Map(),
    frontends: new Map(),
    servers: new Map(),
    drains: new Map(),
  };
  /** Of the rows that have counted something since the event before. */
  readonly #rates = new Map<string, Rates>();

  get pools(): readonly PoolRow[] {
    return this.#rows<PoolRow>("pools");
  }

  get backends(): readonly BackendRow[] {
    return this.#rows<BackendRow>("backends");
  }

  get frontends(): readonly FrontendRow[] {
    return this.#rows<FrontendRow>("frontends");
  }

  get servers(): readonly ServerRow[] {
    return this.#rows<ServerRow>("servers");
  }

  get drains(): readonly DrainRow[] {
    return this.#rows<DrainRow>("drains");
  }

  /** Whether the bytes of a pool's clients pass through the balancer: by hand-over none does, and none is counted. */
  carriesBytes(pool: string): boolean {
    return this.pools.some(({ name, dispatch }) => name === pool && dispatch !== "hand-over");
  }

  /** How fast the counters of a backend or a server went between the last two events. */
  ratesOf(row: BackendRow | ServerRow): Rates {
    return this.#rates.get(row.key) ?? STILL;
  }

  /** The server tells everything anew. */
  replace(picture: Change): void {
    for (const name of NAMES) this.#lists[name].clear();
    this.health = {};
    this.#rates.clear();
    this.#take(picture, 0);
  }

  /** The server tells what has changed. */
  apply(change: Change): void {
    const seconds = (change.at - this.at) / 1000;
    this.#rates.clear();
    this.#take(change, seconds > 0 && seconds <= MAX_GAP_S ? seconds : 0);
  }

  /** @param seconds Since the event before; 0 when nothing can be said of rates. */
  #take(change: Change, seconds: number): void {
    this.at = change.at;
    this.health = change.health ?? this.health;
    for (const name of NAMES) {
      const list = this.#lists[name];
      for (const key of change.gone?.[name] ?? []) list.delete(key);
      for (const row of change[name] ?? []) this.#put(list, row, seconds);
    }
  }

  #put(list: Map<string, Record<string, unknown>>, fields: Row, seconds: number): void {
    const key = String(fields.key);
    const known = list.get(key);
    if (known && seconds > 0) this.#measure(key, known, fields, seconds);
    const row = known ?? {};
    for (const [name, value] of Object.entries(fields)) {
      if (value === null) delete row[name];
      else row[name] = value;
    }
    if (!known) list.set(key, row);
  }

  #measure(key: string, known: Row, fields: Row, seconds: number): void {
    if (!COUNTERS.some((name) => name in fields)) return;
    const rates: Record<keyof Rates, number> = { ...STILL };
    for (const name of COUNTERS) {
      const [before, after] = [Number(known[name] ?? 0), Number(fields[name] ?? known[name] ?? 0)];
      // One that counts anew was started anew.
      rates[name] = Math.max(0, after - before) / seconds;
    }
    this.#rates.set(key, rates);
  }

  #rows<T>(name: ListName): readonly T[] {
    // What the server sends has the fields that its contract says; an older one's may lack some, which are then shown as missing.
    return [...this.#lists[name].values()] as readonly T[];
  }
}
