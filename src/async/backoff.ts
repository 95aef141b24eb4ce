/** Options for {@linkcode backoff}. */
export interface BackoffOptions {
  /** The first delay in milliseconds, before jitter. @default {100} */
  firstMs?: number;
  /** The largest delay in milliseconds, before jitter. @default {5000} */
  maxMs?: number;
  /** How much of each delay is random, 0 to 1, so that many who failed together do not return together. @default {0.5} */
  jitter?: number;
  /** Source of randomness, 0 up to but not including 1. @default {Math.random} */
  random?: () => number;
}

/**
 * Yields the delays between tries, in milliseconds: each doubles, up to `maxMs`, less a random part. Endless.
 *
 * @example Four tries
 * ```ts
 * import assert from "node:assert/strict";
 * import { backoff } from "chorus";
 *
 * const delays = backoff({ firstMs: 100, maxMs: 400, jitter: 0 }).take(4).toArray();
 * assert.deepEqual(delays, [100, 200, 400, 400]);
 * ```
 */
export function* backoff(options: BackoffOptions = {}): Generator<number, never, void> {
  const { firstMs = 100, maxMs = 5000, jitter = 0.5, random = Math.random } = options;
  for (let delay = Math.min(firstMs, maxMs); ; delay = Math.min(delay * 2, maxMs)) {
    yield delay * (1 - jitter * random());
  }
}
