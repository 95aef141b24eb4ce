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
  isOpen: boolean;
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
    const { weight, available: isOpen } = backend;
    const owner = { backend, number, weight, isOpen, isFresh: true };
    this.#owners.set(backend, owner);
    this.#byNumber[number] = owner;
    this.#isStale = true;
  }

  remove(backend: B): void {
    const owner = this.#owners.get(backend);
    if (!owner) return;
    this.#owners.delete(backend);
    this.#byNumber[owner.number] = undefined;
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
    if (owner.isOpen === backend.available) return;
    owner.isOpen = backend.available;
    if (this.#isStale) return;
    for (const point of this.#points(owner)) this.#ring.mark(point, owner.isOpen);
  }

  pick(client: Client, except: ReadonlySet<B>): B | undefined {
    if (this.#isStale) this.#mend();
    const number = this.#ring.find(hash32(this.#keyOf(client)), (candidate) => {
      const backend = this.#byNumber[candidate]?.backend;
      return backend !== undefined && except.has(backend);
    });
    return this.#byNumber[number]?.backend;
  }

  /** Brings the ring up to date, once for all changes since the last pick. */
  #mend(): void {
    const total = this.#owners.values().reduce((sum, owner) => sum + owner.weight, 0);
    const scale = scaleOf(total, this.#owners.size);
    const isRescaled = scale !== this.#scale;
    this.#scale = scale;
    this.#ring.change(this.#freshPoints(isRescaled), {
      stays: (number) => !isRescaled && this.#byNumber[number]?.isFresh === false,
      isOpen: (number) => this.#byNumber[number]?.isOpen === true,
    });
    for (const owner of this.#owners.values()) owner.isFresh = false;
    this.#free.push(...this.#leaving.splice(0));
    this.#isStale = false;
  }

  #freshPoints(isRescaled: boolean): number[] {
    const points: number[] = [];
    for (const owner of this.#owners.values())
      if (owner.isFresh || isRescaled) for (const point of this.#points(owner)) points.push(point);
    return points;
  }

  #points({ backend, number, weight }: Owner<B>): number[] {
    const length = Math.max(1, Math.round(POINTS * this.#scale * weight));
    return Array.from({ length }, (_, i) => pointAt(hash32(backend.name, i), number));
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
