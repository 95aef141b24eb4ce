import type { Candidate, Client, Policy } from "../contract.ts";
import { hash32 } from "./hash.ts";
import { pointAt, Ring } from "./ring.ts";

/** Points of a backend of weight 1: with ten such backends each has its share give or take a tenth. */
const POINTS = 160;
/** Backends have at most as many points as this many of weight 1 have: 5 MB. */
const MAX_TOTAL = 4096;
/** A backend of average weight has at most as many points as one of this weight, */
const MAX_AVERAGE = 16;
/** and at least as many as one of this. */
const MIN_AVERAGE = 0.5;

interface Owner<B> {
  readonly backend: B;
  readonly number: number;
  weight: number;
  /** How many of its points are to be found: the first ones. All, none, or some of them while it starts slowly. */
  open: number;
  /** Where its points stand on the ring; undefined until that is asked for. */
  places: Uint32Array | undefined;
  /** Its points are not on the ring yet, or are those of another weight. */
  isFresh: boolean;
}

/**
 * By what all weights are multiplied, so that neither large ones make a huge ring nor small ones a coarse one: 1 for the usual
 * weights, else a power of two. Follows from the weights alone, so that all balancers agree on it; and it changes seldom.
 */
function scaleOf(total: number, count: number): number {
  const most = Math.min(count * MAX_AVERAGE, MAX_TOTAL);
  const least = Math.min(count * MIN_AVERAGE, most / 2);
  if (total > most) return 2 ** Math.floor(Math.log2(most / total));
  return total > 0 && total < least ? 2 ** Math.ceil(Math.log2(least / total)) : 1;
}

class ConsistentHash<B extends Candidate> implements Policy<B> {
  readonly countsConnections = false;
  readonly #keyOf: (client: Client) => string;
  readonly #owners = new Map<B, Owner<B>>();
  readonly #byNumber: (Owner<B> | undefined)[] = [];
  /** The same, but their backends: one step less for a pick. */
  readonly #backends: (B | undefined)[] = [];
  readonly #ring = new Ring();
  #scale = 1;
  #isStale = false;
  /** Numbers to give to others, the second kind once their points are off the ring. */
  readonly #free: number[] = [];
  readonly #leaving: number[] = [];

  constructor(keyOf: (client: Client) => string) {
    this.#keyOf = keyOf;
  }

  add(backend: B): void {
    const number = this.#free.pop() ?? this.#byNumber.length;
    const owner = { backend, number, weight: backend.weight, open: 0, places: undefined, isFresh: true };
    this.#owners.set(backend, owner);
    this.#byNumber[number] = owner;
    this.#backends[number] = backend;
    this.#isStale = true;
  }

  remove(backend: B): void {
    const owner = this.#owners.get(backend);
    if (!owner) return;
    this.#owners.delete(backend);
    this.#byNumber[owner.number] = undefined;
    this.#backends[owner.number] = undefined;
    this.#leaving.push(owner.number);
    this.#isStale = true;
  }

  change(backend: B): void {
    const owner = this.#owners.get(backend);
    if (!owner) return;
    if (owner.weight !== backend.weight) {
      owner.weight = backend.weight;
      owner.isFresh = true;
      this.#isStale = true;
    }
    if (this.#isStale) return;
    const before = owner.open;
    owner.open = this.#openOf(owner);
    this.#mark(owner, before, owner.open);
  }

  pick(client: Client, except: ReadonlySet<B>): B | undefined {
    if (this.#isStale) this.#mend();
    const number = this.#ring.find(hash32(this.#keyOf(client)), (candidate) => {
      const backend = this.#backends[candidate];
      return backend !== undefined && except.has(backend);
    });
    return this.#backends[number];
  }

  /** Brings the ring up to date, once for all changes since the last pick. */
  #mend(): void {
    const total = this.#owners.values().reduce((sum, owner) => sum + owner.weight, 0);
    const scale = scaleOf(total, this.#owners.size);
    const isRescaled = scale !== this.#scale;
    this.#scale = scale;
    for (const owner of this.#owners.values()) owner.open = this.#openOf(owner);
    this.#ring.change(this.#freshPoints(isRescaled), {
      stays: (number) => !isRescaled && this.#byNumber[number]?.isFresh === false,
      isOpen: (number) => (this.#byNumber[number]?.open ?? 0) > 0,
    });
    for (const owner of this.#owners.values()) {
      owner.isFresh = false;
      owner.places = undefined;
      if (owner.open > 0) this.#mark(owner, this.#countOf(owner), owner.open);
    }
    this.#free.push(...this.#leaving.splice(0));
    this.#isStale = false;
  }

  #freshPoints(isRescaled: boolean): number[] {
    const points: number[] = [];
    for (const owner of this.#owners.values()) {
      if (!owner.isFresh && !isRescaled) continue;
      for (const point of this.#pointsOf(owner)) points.push(point);
    }
    return points;
  }

  #countOf({ weight }: Owner<B>): number {
    return Math.max(1, Math.round(POINTS * this.#scale * weight));
  }

  #openOf(owner: Owner<B>): number {
    const { available, ramp } = owner.backend;
    return available ? Math.max(1, Math.round(this.#countOf(owner) * ramp)) : 0;
  }

  /** Opens or shuts those points of an owner by which its open ones have become more or fewer. */
  #mark(owner: Owner<B>, before: number, after: number): void {
    if (before === after) return;
    owner.places ??= Uint32Array.from(this.#pointsOf(owner), (point) => this.#ring.seek(point));
    const changed = owner.places.subarray(Math.min(before, after), Math.max(before, after));
    for (const place of changed) this.#ring.mark(place, after > before);
  }

  #pointsOf(owner: Owner<B>): Float64Array {
    const points = new Float64Array(this.#countOf(owner));
    for (let i = 0; i < points.length; i++) points[i] = pointAt(hash32(owner.backend.name, i), owner.number);
    return points;
  }
}

/**
 * Gives clients of one key the same backend each time, and each backend a share of the keys by its weight.
 *
 * Consistent: backends have points on a ring, and a client belongs to the next point after the hash of its key. One
 * that is not available is walked over, so that only its clients go elsewhere, and they come back when it does; adding one
 * of n moves about one client in n. All balancers with the same backends agree, whatever happened to each before.
 */
export function consistentHash<B extends Candidate>(keyOf: (client: Client) => string): Policy<B> {
  return new ConsistentHash<B>(keyOf);
}
