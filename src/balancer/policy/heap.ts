/** What a {@linkcode Heap} holds: when it is due, and where in the heap it stands. */
export interface Due {
  /** The smallest comes first. While in the heap, a change must be followed by {@linkcode Heap.settle}. */
  due: number;
  /** Decides between equal ones; the smaller comes first. */
  order: number;
  /** Kept by the heap; -1 while outside. */
  place: number;
}

const CHILDREN = 4;

/** Whether `a` comes first. */
export function isBefore(a: Pick<Due, "due" | "order">, b: Pick<Due, "due" | "order">): boolean {
  return a.due < b.due || (a.due === b.due && a.order < b.order);
}

/** Keeps what is due first at the top. Every change takes log4 of the size steps. */
export class Heap<T extends Due> {
  readonly #items: T[] = [];

  get first(): T | undefined {
    return this.#items[0];
  }

  /** `item` must be outside. */
  add(item: T): void {
    this.#items.push(item);
    this.#rise(item, this.#items.length - 1);
  }

  /** Does nothing when `item` is outside. */
  remove(item: T): void {
    const { place } = item;
    if (place < 0) return;
    item.place = -1;
    const last = this.#items.pop();
    if (!last || last === item) return;
    last.place = place;
    this.settle(last);
  }

  /** Moves `item`, which must be inside, to where it belongs. */
  settle(item: T): void {
    const { place } = item;
    const above = this.#items[(place - 1) >> 2];
    if (above && isBefore(item, above)) this.#rise(item, place);
    else this.#sink(item, place);
  }

  #rise(item: T, from: number): void {
    let place = from;
    while (place > 0) {
      const up = (place - 1) >> 2;
      const above = this.#items[up];
      if (!above || !isBefore(item, above)) break;
      this.#put(above, place);
      place = up;
    }
    this.#put(item, place);
  }

  #sink(item: T, from: number): void {
    let place = from;
    for (let child = this.#firstChild(place); child; child = this.#firstChild(place)) {
      if (!isBefore(child, item)) break;
      const next = child.place;
      this.#put(child, place);
      place = next;
    }
    this.#put(item, place);
  }

  #firstChild(place: number): T | undefined {
    const start = place * CHILDREN + 1;
    let first = this.#items[start];
    if (!first) return undefined;
    for (let at = start + 1; at < start + CHILDREN; at++) {
      const child = this.#items[at];
      if (!child) break;
      if (isBefore(child, first)) first = child;
    }
    return first;
  }

  #put(item: T, place: number): void {
    this.#items[place] = item;
    item.place = place;
  }
}
