/** Spreads what each of many does once in a period evenly over it. */
export class Pace {
  readonly #periodMs: number;
  #askedAtMs: number;
  #owed = 0;

  /** @param nowMs When it begins. */
  constructor(periodMs: number, nowMs: number) {
    this.#periodMs = periodMs;
    this.#askedAtMs = nowMs;
  }

  /** How many of `count` it is the turn of since the last time that this was asked. */
  due(count: number, nowMs: number): number {
    this.#owed += (count * (nowMs - this.#askedAtMs)) / this.#periodMs;
    this.#askedAtMs = nowMs;
    const due = Math.floor(this.#owed);
    this.#owed -= due;
    return due;
  }
}
