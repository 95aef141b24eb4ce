/** Work that waits for the end of a turn. */
interface Flushable {
  flushTurn(): void;
}

/**
 * Tells sockets when a turn of the event loop ends, so that what it writes to one of them goes out together.
 *
 * A turn ends when its microtasks run; there is at most one microtask for it, however many sockets wait.
 */
export class WriteTurn {
  #waiting: Flushable[] = [];

  /** Has `flushTurn` called once, when this turn ends. */
  wait(flushable: Flushable): void {
    if (this.#waiting.length === 0) queueMicrotask(() => this.#end());
    this.#waiting.push(flushable);
  }

  #end(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const flushable of waiting) flushable.flushTurn();
  }
}
