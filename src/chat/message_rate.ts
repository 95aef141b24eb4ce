import { type Clock, TokenBucket } from "../async/mod.ts";
import { ProtocolError } from "./protocol.ts";

/** The least time for which messages are refused once one was, in milliseconds: longer than most round trips. */
const MIN_REFUSAL_MS = 500;

/** Until when every message is refused, and how. */
interface Refusal {
  readonly code: "rate_limited" | "unavailable";
  readonly untilMs: number;
}

/**
 * How fast one session may send.
 *
 * Once a message is refused, so are those behind it that are on their way already: a client that sends them all again keeps their order.
 */
export class MessageRate {
  readonly #clock: Clock;
  readonly #bucket: TokenBucket | undefined;
  #refusal: Refusal = { code: "rate_limited", untilMs: Number.NEGATIVE_INFINITY };

  /** @param ratePerSecond Messages a second, twice as many at once; undefined for as many as come. */
  constructor(ratePerSecond: number | undefined, clock: Clock) {
    this.#clock = clock;
    if (ratePerSecond === undefined) return;
    const now = (): number => clock.now();
    this.#bucket = new TokenBucket({ ratePerSecond, burst: Math.max(1, ratePerSecond * 2), now });
  }

  /**
   * Counts one message.
   *
   * @throws {ProtocolError} `rate_limited` when too many come; `unavailable` just after another was.
   */
  take(): void {
    if (this.#refusal.untilMs > Number.NEGATIVE_INFINITY && this.#isRefusing()) throw this.#error();
    if (!this.#bucket || this.#bucket.take()) return;
    this.#refuse("rate_limited", Math.max(this.#bucket.waitMs(), MIN_REFUSAL_MS));
    throw this.#error();
  }

  /** A message could not be stored: those behind it are refused for a moment, too. */
  failed(): void {
    this.#refuse("unavailable", MIN_REFUSAL_MS);
  }

  #isRefusing(): boolean {
    return this.#clock.now() < this.#refusal.untilMs;
  }

  #refuse(code: Refusal["code"], forMs: number): void {
    this.#refusal = { code, untilMs: this.#clock.now() + forMs };
  }

  #error(): ProtocolError {
    const { code, untilMs } = this.#refusal;
    const message =
      code === "rate_limited" ? "too many messages" : "a message before this one could not be stored";
    return new ProtocolError(code, message, { retryMs: Math.ceil(untilMs - this.#clock.now()) });
  }
}
