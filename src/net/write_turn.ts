/** A part of a turn's work that waits for its end. */
interface Flushable {
  flushTurn(): void;
}

/**
 * Tells the turns of the event loop apart, so that the small writes that one turn makes on one socket go out together.
 *
 * A turn ends when its microtasks run; there is at most one microtask for it, however many sockets are written to.
 */
export class WriteTurn {
  #number = 0;
  #isUnderWay = false;
  #waiting: Flushable[] = [];

  /** The number of this turn; no other turn has it. */
  get number(): number {
    if (!this.#isUnderWay) {
      this.#isUnderWay = true;
      queueMicrotask(() => this.#end());
    }
    return this.#number;
  }

  /** Has `flushTurn` called when this turn ends. */
  wait(flushable: Flushable): void {
    this.#waiting.push(flushable);
  }

  #end(): void {
    this.#isUnderWay = false;
    this.#number += 1;
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    for (const flushable of waiting) flushable.flushTurn();
  }
}
