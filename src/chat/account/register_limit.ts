import { type Clock, TokenBucket } from "../../async/mod.ts";

/** Limits how many accounts an address makes. Addresses that have not used any of theirs lately are forgotten. */
export class RegisterLimit {
  readonly #perMinute: number | undefined;
  readonly #clock: Clock;
  readonly #buckets = new Map<string, TokenBucket>();

  /** @param perMinute Accounts a minute from one address, and at once; undefined for as many as come. */
  constructor(perMinute: number | undefined, clock: Clock) {
    this.#perMinute = perMinute;
    this.#clock = clock;
  }

  /** Counts one account. @returns For how long the address has to wait until it may make one, in milliseconds: 0 when it may now. */
  take(host: string): number {
    const perMinute = this.#perMinute;
    if (perMinute === undefined) return 0;
    const clock = this.#clock;
    const bucket =
      this.#buckets.get(host) ??
      new TokenBucket({
        ratePerSecond: perMinute / 60,
        burst: Math.max(1, perMinute),
        now: () => clock.now(),
      });
    this.#buckets.set(host, bucket);
    return bucket.take() ? 0 : bucket.waitMs();
  }

  /** Forgets addresses that have all of theirs again. */
  sweep(): void {
    for (const [host, bucket] of this.#buckets) if (bucket.isFull) this.#buckets.delete(host);
  }
}
