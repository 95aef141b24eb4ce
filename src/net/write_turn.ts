/** Work that waits for the end of a turn. */
interface Flushable {
  flushTurn(): void;
}

/**
 * Tells sockets when a turn of the event loop ends, so that what it writes to one of them goes out together.
 *
 * A turn ends with the event that it is about, or, where it is about none, when its microtasks run: there is at most one microtask for it,
 * however many sockets wait.
 */
export class WriteTurn {
  /** Mostly one socket waits, which is worth no list. */
  #first: Flushable | undefined;
  #others: Flushable[] = [];
  #isInEvent = false;

  /** An event begins, which `end` follows in the same turn. */
  begin(): void {
    this.#isInEvent = true;
  }

  /** Has `flushTurn` called once, when this turn ends. */
  wait(flushable: Flushable): void {
    if (this.#first) {
      this.#others.push(flushable);
      return;
    }
    this.#first = flushable;
    if (!this.#isInEvent) queueMicrotask(() => this.end());
  }

  /** Calls whoever waits. */
  end(): void {
    this.#isInEvent = false;
    const first = this.#first;
    if (!first) return;
    this.#first = undefined;
    first.flushTurn();
    if (this.#others.length === 0) return;
    const others = this.#others;
    this.#others = [];
    for (const other of others) other.flushTurn();
  }
}
