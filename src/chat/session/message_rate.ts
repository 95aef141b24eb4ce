import { type Clock, TokenBucket } from "../../async/mod.ts";
import { ProtocolError } from "../protocol.ts";

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
 * Which those are is told by their round, however long they take; of a client that names none, they are taken to be what comes within a
 * moment.
 */
export class MessageRate {
  readonly #clock: Clock;
  readonly #bucket: TokenBucket | undefined;
  #refusal: Refusal = { code: "rate_limited", untilMs: Number.NEGATIVE_INFINITY };
  /** The last round of which a message was refused: the rest of it is refused, too. */
  #refusedRound = -1;

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
   * @param round The round of the client's sends that it belongs to; absent where the client names none.
   * @throws {ProtocolError} `rate_limited` when too many come; `unavailable` just after another was.
   */
  take(round?: number): void {
    const isBehind = round === undefined ? this.#isRefusing() : round <= this.#refusedRound;
    if (isBehind) throw this.#error();
    if (!this.#bucket || this.#bucket.take()) return;
    this.#refuse("rate_limited", Math.max(this.#bucket.waitMs(), MIN_REFUSAL_MS), round);
    throw this.#error();
  }

  /** A message could not be stored: those behind it are refused, too. */
  failed(round?: number): void {
    this.#refuse("unavailable", MIN_REFUSAL_MS, round);
  }

  #isRefusing(): boolean {
    return this.#refusal.untilMs > Number.NEGATIVE_INFINITY && this.#clock.now() < this.#refusal.untilMs;
  }

  #refuse(code: Refusal["code"], forMs: number, round = -1): void {
    this.#refusal = { code, untilMs: this.#clock.now() + forMs };
    this.#refusedRound = Math.max(this.#refusedRound, round);
  }

  #error(): ProtocolError {
    const { code, untilMs } = this.#refusal;
    const message =
      code === "rate_limited" ? "too many messages" : "a message before this one could not be stored";
    return new ProtocolError(code, message, { retryMs: Math.max(1, Math.ceil(untilMs - this.#clock.now())) });
  }
}
