import { NumberSet } from "./number_set.ts";

/** Owners are numbered below this, so that a point, which is a hash and its owner in one number, stays exact. */
const OWNERS = 2 ** 21;
/** About as many points as this share one entry of the index. */
const POINTS_PER_ENTRY = 4;

/** Who of the owners, by number, is on the ring and may be found. */
export interface RingOwners {
  /** Whether the points that it has on the ring stay there. */
  stays(owner: number): boolean;
  /** Whether its points are found, rather than walked over. */
  isOpen(owner: number): boolean;
}

/** The point that an owner has at a place from 0 up to but not including 2^32. */
export function pointAt(place: number, owner: number): number {
  return place * OWNERS + owner;
}

function placeOf(point: number): number {
  return Math.floor(point / OWNERS);
}

/** The remainder: written so, it costs a twentieth of what `%` does with numbers that large. */
function ownerOf(point: number): number {
  return point - placeOf(point) * OWNERS;
}

/** Merges two sorted lists of points: those of the first that stay, and all of the second, without repeats. */
function merge(old: Float64Array, fresh: Float64Array, owners: RingOwners): Float64Array {
  const merged = new Float64Array(old.length + fresh.length);
  let count = 0;
  let left = 0;
  let right = 0;
  while (left < old.length || right < fresh.length) {
    const a = old[left] ?? Number.POSITIVE_INFINITY;
    const b = fresh[right] ?? Number.POSITIVE_INFINITY;
    if (a <= b) left += 1;
    else right += 1;
    const point = Math.min(a, b);
    const isKept = a > b || owners.stays(ownerOf(point));
    if (isKept && point !== merged[count - 1]) merged[count++] = point;
  }
  return merged.slice(0, count);
}

/**
 * A circle of 2^32 places on which owners have points: every place belongs to the next point at or after it whose owner is open.
 *
 * Finding takes a few steps however many points there are and however few are open. Adding and removing owners
 * merges their sorted points with the others, which are never sorted again.
 */
export class Ring {
  #points: Float64Array = new Float64Array();
  /** By the top bits of a place: the first point at or after where such places begin. */
  #index = new Uint32Array(2);
  #shift = 31;
  #open = new NumberSet();

  /** Puts points on the ring and takes those away whose owner does not stay. */
  change(fresh: readonly number[], owners: RingOwners): void {
    this.#points = merge(this.#points, Float64Array.from(fresh).sort(), owners);
    this.#buildIndex();
    this.#open = new NumberSet(this.#points.length);
    for (let at = 0; at < this.#points.length; at++)
      if (owners.isOpen(ownerOf(this.#points[at] ?? 0))) this.#open.add(at);
  }

  /** Where the first point at or after `point` stands in the row of all, until the next change of the ring. */
  seek(point: number): number {
    const points = this.#points;
    let at = this.#index[placeOf(point) >>> this.#shift] ?? 0;
    while (at < points.length && (points[at] ?? 0) < point) at += 1;
    return at;
  }

  /** Opens or shuts the point that stands there. */
  mark(at: number, isOpen: boolean): void {
    if (isOpen) this.#open.add(at);
    else this.#open.delete(at);
  }

  /** The owner of `place`, or, if `isExcepted` says so, of the next open point after it; -1 when there is none. */
  find(place: number, isExcepted: (owner: number) => boolean): number {
    const start = this.seek(pointAt(place, 0));
    const after = this.#walk(start, this.#points.length, isExcepted);
    return after >= 0 ? after : this.#walk(0, start, isExcepted);
  }

  #walk(from: number, end: number, isExcepted: (owner: number) => boolean): number {
    for (let at = this.#open.next(from); at >= 0 && at < end; at = this.#open.next(at + 1)) {
      const owner = ownerOf(this.#points[at] ?? 0);
      if (!isExcepted(owner)) return owner;
    }
    return -1;
  }

  #buildIndex(): void {
    const { length } = this.#points;
    const bits = Math.max(1, Math.ceil(Math.log2((length + 1) / POINTS_PER_ENTRY)));
    this.#shift = 32 - bits;
    this.#index = new Uint32Array(2 ** bits).fill(length);
    for (let at = length - 1; at >= 0; at--) {
      this.#index[placeOf(this.#points[at] ?? 0) >>> this.#shift] = at;
    }
    for (let entry = this.#index.length - 2; entry >= 0; entry--)
      this.#index[entry] = Math.min(this.#index[entry] ?? length, this.#index[entry + 1] ?? length);
  }
}
