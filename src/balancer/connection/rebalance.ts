import type { Clock, Timer } from "../../async/mod.ts";
import type { Backend } from "../pool/backend.ts";
import type { Pool } from "../pool/pool.ts";
import { IdleCandidates } from "./idle_candidates.ts";
import { isServingState, watchServing } from "./serving.ts";
import type { ConnectionTable } from "./table.ts";

/** Options for {@linkcode rebalance}. */
export interface RebalanceOptions {
  /** Connections that are closed a second, at most. May be fractional. */
  readonly perSecond: number;
  /** Source of randomness, 0 up to but not including 1. @default {Math.random} */
  readonly random?: (() => number) | undefined;
}

/** The shortest time between two turns, in milliseconds. */
const TURN_MS = 100;

/**
 * Evens out the connections of a pool after a backend has joined or came back, until disposed: closes the longest idle ones, with reason
 * `rebalanced`, on whichever backend has most above its share, so that their clients come again and go elsewhere.
 *
 * - A backend's share is in proportion to its weight, among those that serve and are no backups. Those that are down, drained or of
 *   weight 0 are left alone.
 * - A run ends when none has more than one above its share, and in any case after as many closings as there were connections above the
 *   shares when it began: policies that send a client back to where it was, such as `ip-hash`, cannot be evened out, and are not tried
 *   to for ever. Of no use with them.
 * - A turn looks at every backend once and, every now and then, at the connections of one. There is no timer between runs.
 *
 * @throws {RangeError} when `perSecond` is not positive.
 */
export function rebalance(pool: Pool, table: ConnectionTable, options: RebalanceOptions): Disposable {
  const { perSecond } = options;
  if (!(perSecond > 0 && Number.isFinite(perSecond)))
    throw new RangeError(`Cannot rebalance: perSecond must be positive, received ${perSecond}`);
  const run = new Rebalancing(pool, table, options);
  const watch = watchServing(pool, { onServing: ({ backup }) => (backup ? undefined : run.begin()) });
  return {
    [Symbol.dispose]() {
      watch[Symbol.dispose]();
      run.end();
    },
  };
}

/** How many connections a backend has above its share. */
interface Excess {
  readonly backend: Backend;
  readonly above: number;
}

class Rebalancing {
  readonly #pool: Pool;
  readonly #table: ConnectionTable;
  readonly #clock: Clock;
  readonly #perSecond: number;
  readonly #random: () => number;
  readonly #candidates = new Map<Backend, IdleCandidates>();
  /** Connections that may still be closed in this run. */
  #budget = 0;
  #timer: Timer | undefined;

  constructor(pool: Pool, table: ConnectionTable, { perSecond, random = Math.random }: RebalanceOptions) {
    this.#pool = pool;
    this.#table = table;
    this.#clock = table.clock;
    this.#perSecond = perSecond;
    this.#random = random;
  }

  /** Begins a run, or another one in place of that which is under way. */
  begin(): void {
    this.#budget = this.#excesses().reduce((sum, { above }) => sum + Math.ceil(above), 0);
    if (this.#budget > 0) this.#timer ??= this.#later();
  }

  end(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#budget = 0;
    this.#candidates.clear();
  }

  #later(): Timer {
    const waitMs = Math.max(TURN_MS, 1000 / this.#perSecond) * (0.5 + this.#random());
    return this.#clock.after(waitMs, () => this.#turn(waitMs));
  }

  #turn(waitedMs: number): void {
    // The rest of a division is made up for by chance: two of three a turn are closed in two of three turns.
    const due = Math.floor((waitedMs * this.#perSecond) / 1000 + this.#random());
    if (this.#pool.isDraining || !this.#close(due)) {
      this.end();
      return;
    }
    this.#timer = this.#later();
  }

  /** Closes so many at most, on the backend that has most. @returns Whether there may be more to close. */
  #close(due: number): boolean {
    const { backend, above } = most(this.#excesses());
    if (!backend || above <= 1) return false;
    const candidates = this.#candidatesOf(backend);
    if (due > 0 && candidates.isStale(this.#clock.now())) candidates.search(this.#clock.now());
    for (let left = Math.min(due, this.#budget, Math.ceil(above) - 1); left > 0; left--) {
      const entry = candidates.next();
      if (!entry) break;
      this.#budget -= 1;
      entry.end("rebalanced");
    }
    return this.#budget > 0;
  }

  #candidatesOf(backend: Backend): IdleCandidates {
    const known = this.#candidates.get(backend);
    if (known) return known;
    const candidates = new IdleCandidates(this.#table.of(backend));
    this.#candidates.set(backend, candidates);
    return candidates;
  }

  /** Those that have more than their share. */
  #excesses(): Excess[] {
    const serving = [...this.#pool.backends()].filter(isCounted);
    let connections = 0;
    let weights = 0;
    for (const backend of serving) {
      connections += this.#table.openOn(backend);
      weights += backend.weight;
    }
    return serving
      .map((backend) => ({
        backend,
        above: this.#table.openOn(backend) - (connections * backend.weight) / weights,
      }))
      .filter(({ above }) => above > 0);
  }
}

function isCounted(backend: Backend): boolean {
  const { backup, weight, health } = backend;
  return !backup && weight > 0 && health.verdict !== "new" && isServingState(backend.state());
}

function most(excesses: readonly Excess[]): Partial<Excess> & { readonly above: number } {
  let found: Partial<Excess> & { readonly above: number } = { above: 0 };
  for (const excess of excesses) if (excess.above > found.above) found = excess;
  return found;
}
