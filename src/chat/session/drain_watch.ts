import type { Clock, Timer } from "../../async/mod.ts";

/** How often it looks, in milliseconds. */
const LOOK_MS = 50;

/** Something that has more to send than the system takes. */
export interface Draining {
  /** Looks whether all has gone by now; then removes itself. */
  look(): void;
}

/**
 * Looks after WebSockets that do not keep up: not every runtime tells when what was queued has gone, and not all of it at the moment when
 * it moves. One timer for all of them, which runs only while there are some.
 */
export class DrainWatch {
  readonly #clock: Clock;
  readonly #waiting = new Set<Draining>();
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(draining: Draining): void {
    this.#waiting.add(draining);
    this.#timer ??= this.#clock.after(LOOK_MS, () => this.#look());
  }

  remove(draining: Draining): void {
    this.#waiting.delete(draining);
    if (this.#waiting.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #look(): void {
    this.#timer = undefined;
    for (const draining of [...this.#waiting]) draining.look();
    if (this.#waiting.size > 0) this.#timer ??= this.#clock.after(LOOK_MS, () => this.#look());
  }
}
