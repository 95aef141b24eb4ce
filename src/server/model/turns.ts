/** Something that takes a place, or waits for one. */
interface Guest {
  abort(): void;
}

/** Options for {@linkcode Turns}. */
export interface TurnsOptions<G extends Guest> {
  /** Guests that are served at once. */
  readonly places: number;
  /** Guests that may wait; one more is aborted. */
  readonly maxWaiting: number;
  /**
   * Serves a guest whose turn it is; does not call back before it returns.
   *
   * @returns False when nobody can now: it stays the first of those that wait.
   */
  readonly serve: (guest: G) => boolean;
}

/** Serves guests in the order in which they came, so many at once, and lets a bounded number wait. */
export class Turns<G extends Guest> {
  readonly #options: TurnsOptions<G>;
  readonly #waiting = new Set<G>();
  #taken = 0;
  /** Present once no more guests are taken. */
  #empty: PromiseWithResolvers<void> | undefined;

  constructor(options: TurnsOptions<G>) {
    this.#options = options;
  }

  /** Places that are taken. */
  get taken(): number {
    return this.#taken;
  }

  /** Takes a guest, who is served at once where there is a place; else it waits, or is aborted. */
  add(guest: G): void {
    if (!this.#empty) this.#waiting.add(guest);
    this.advance();
    if (!this.#empty && this.#waiting.size <= this.#options.maxWaiting) return;
    this.#waiting.delete(guest);
    guest.abort();
  }

  /** A guest that waited is gone. */
  forget(guest: G): void {
    this.#waiting.delete(guest);
  }

  /** A place is free again. Once for each guest that was served. */
  leave(): void {
    this.#taken -= 1;
    this.advance();
    if (this.#taken === 0) this.#empty?.resolve();
  }

  /** Serves those that wait, as far as there are places. */
  advance(): void {
    for (const guest of this.#waiting) {
      if (this.#taken >= this.#options.places) return;
      this.#taken += 1;
      if (!this.#options.serve(guest)) {
        this.#taken -= 1;
        return;
      }
      this.#waiting.delete(guest);
    }
  }

  /** Takes no more guests and aborts those that wait. @returns Resolves when every place is free. */
  close(): Promise<void> {
    this.#empty ??= Promise.withResolvers<void>();
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const guest of waiting) guest.abort();
    if (this.#taken === 0) this.#empty.resolve();
    return this.#empty.promise;
  }
}
