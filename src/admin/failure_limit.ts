import { TokenBucket } from "../async/mod.ts";

/** The most addresses that are remembered; the one known for longest is forgotten for a new one. */
const MAX_HOSTS = 10_000;

/** Wrong tries in a row that one address has, and how fast they come back. */
const BURST = 10;
const PER_SECOND = 0.5;

/**
 * Limits how often one address may be wrong: 10 times in a row, then once in 2 seconds.
 *
 * Only failures count. While an address has no try left nothing of it is looked at, so that it learns nothing by trying.
 */
export class FailureLimit {
  readonly #hosts = new Map<string, TokenBucket>();
  readonly #now: () => number;

  /** @param now Milliseconds, never going backwards. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Milliseconds until `host` may try again; 0 when it may. */
  waitMs(host: string): number {
    return this.#hosts.get(host)?.waitMs() ?? 0;
  }

  /** Counts a failure of `host`. */
  failed(host: string): void {
    const known = this.#hosts.get(host);
    const bucket = known ?? new TokenBucket({ ratePerSecond: PER_SECOND, burst: BURST, now: this.#now });
    bucket.take();
    if (known) return;
    const [oldest] = this.#hosts.keys();
    if (this.#hosts.size >= MAX_HOSTS && oldest !== undefined) this.#hosts.delete(oldest);
    this.#hosts.set(host, bucket);
  }
}
