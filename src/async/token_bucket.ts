/** Options for {@linkcode TokenBucket}. */
export interface TokenBucketOptions {
  /** Tokens added per second. May be fractional. */
  ratePerSecond: number;
  /** Most tokens held at once: the largest burst. @default {ratePerSecond} one second's worth */
  burst?: number;
  /** Source of time in milliseconds, never going backwards. @default {performance.now} */
  now?: () => number;
}

/** What a whole token may lack by rounding: who has waited for as long as `waitMs` said is not to be turned away. */
const ROUNDING = 1e-9;

/**
 * Limits how often something happens, while letting short bursts through.
 *
 * Starts full. Tokens are counted when asked for, so an idle bucket costs nothing: there is no timer to start,
 * to leak or to close.
 *
 * @example Three at once, then one per second
 * ```ts
 * import assert from "node:assert/strict";
 * import { TokenBucket } from "chorus";
 *
 * let ms = 0;
 * const bucket = new TokenBucket({ ratePerSecond: 1, burst: 3, now: () => ms });
 * assert.deepEqual([1, 2, 3, 4].map(() => bucket.take()), [true, true, true, false]);
 * ms += 1_000;
 * assert.equal(bucket.take(), true);
 * ```
 */
export class TokenBucket {
  readonly #ratePerMs: number;
  readonly #burst: number;
  readonly #now: () => number;
  #tokens: number;
  #countedAt: number;

  /** Starts full. @throws {RangeError} When the rate or the burst is not positive. */
  constructor(options: TokenBucketOptions) {
    const { ratePerSecond, burst = ratePerSecond, now = () => performance.now() } = options;
    if (!(ratePerSecond > 0)) {
      throw new RangeError(
        `Cannot create token bucket: ratePerSecond must be positive, received ${ratePerSecond}`,
      );
    }
    if (!(burst >= 1))
      throw new RangeError(`Cannot create token bucket: burst must be at least 1, received ${burst}`);
    this.#ratePerMs = ratePerSecond / 1000;
    this.#burst = burst;
    this.#now = now;
    this.#tokens = burst;
    this.#countedAt = now();
  }

  /**
   * Takes one token if there is one. Never waits.
   *
   * @returns Whether a token was taken.
   */
  take(): boolean {
    this.#count();
    if (this.#tokens < 1 - ROUNDING) return false;
    this.#tokens = Math.max(0, this.#tokens - 1);
    return true;
  }

  /** Milliseconds until the next token; 0 when there is one. */
  waitMs(): number {
    this.#count();
    const missing = 1 - ROUNDING / 2 - this.#tokens;
    return this.#tokens >= 1 - ROUNDING ? 0 : Math.ceil(missing / this.#ratePerMs);
  }

  /** Whether the bucket holds all it can: as good as new. */
  get isFull(): boolean {
    this.#count();
    return this.#tokens >= this.#burst - ROUNDING;
  }

  #count(): void {
    const now = this.#now();
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#countedAt) * this.#ratePerMs);
    this.#countedAt = now;
  }
}
