import { type Clock, KeyCounts, wait } from "../../async/mod.ts";
import { networkOf } from "../../net/mod.ts";
import { ProtocolError } from "../protocol.ts";
import { type AccountStore, type LoginTry, MAX_FAILURES_COUNTED } from "../store/mod.ts";

/** The first wait of a name that has failed too often, in milliseconds; each further failure doubles it. */
const FIRST_DELAY_MS = 100;
/** The longest wait. */
const MAX_DELAY_MS = 5000;
/** How many times as often as a name an address may fail: many people may share one. */
const HOST_FACTOR = 4;
/** The most failures that may be free: of those of an address enough more are counted for the longest wait. */
export const MAX_LOGIN_FAILURES: number = MAX_FAILURES_COUNTED / (HOST_FACTOR + 1);
/** Tries of one address that wait at once; more are refused. */
const MAX_WAITING = 4;
/** Addresses that are remembered here. Beyond it the one that was refused the longest ago is forgotten. */
const MAX_HOSTS = 10_000;

/** Options for {@linkcode LoginThrottle}. */
export interface LoginThrottleOptions {
  readonly store: Pick<AccountStore, "noteLoginTry" | "takeBackLoginTry">;
  readonly clock: Clock;
  /** Failures that are free, at most {@linkcode MAX_LOGIN_FAILURES}; undefined for no throttle at all. */
  readonly failures: number | undefined;
}

/**
 * Slows down who guesses passwords, by the name and by the address; failures are counted in the store, for all servers.
 *
 * - A try counts as a failure from before its password is looked at, and no longer once that was right: many tries at once are no more than
 *   one after another.
 * - A name that has failed too often: every further try waits, 100 ms and twice as much after each failure, up to 5 s. It is never refused:
 *   whoever the name belongs to gets in.
 * - An address that has: it gets a try each so many milliseconds, and is refused in between.
 * - At most a few tries of an address wait at once.
 *
 * An address is what {@linkcode networkOf} makes of it.
 */
export class LoginThrottle {
  readonly #options: LoginThrottleOptions;
  /** When an address may try again, by this server's clock; in the order of their last tries. */
  readonly #nextTry = new Map<string, number>();
  readonly #waiting = new KeyCounts();

  /** @throws {RangeError} When more failures would be free than may be. */
  constructor(options: LoginThrottleOptions) {
    const { failures = 0 } = options;
    if (failures > MAX_LOGIN_FAILURES) {
      throw new RangeError(
        `Cannot slow logins down: failures must be at most ${MAX_LOGIN_FAILURES}, received ${failures}`,
      );
    }
    this.#options = options;
  }

  /**
   * Makes one try with a password, when it may be made.
   *
   * @param check Whether the password is right.
   * @throws {ProtocolError} `rate_limited` when the address has to wait; what `check` throws. {@linkcode StoreError}
   */
  async attempt(name: string, from: string, check: () => Promise<boolean>): Promise<boolean> {
    const { store, clock, failures: free } = this.#options;
    if (free === undefined) return await check();
    const host = networkOf(from);
    // Who has to wait costs the store nothing, and the name no try.
    this.#refuseEarly(host);
    const attempt = await store.noteLoginTry(name, host, clock.wallNow());
    const isRight = await this.#checkInTime(attempt, free, check);
    if (isRight) await store.takeBackLoginTry(attempt);
    return isRight;
  }

  async #checkInTime(attempt: LoginTry, free: number, check: () => Promise<boolean>): Promise<boolean> {
    const { host, before } = attempt;
    try {
      this.#admit(host, delayAfter(before.host - free * HOST_FACTOR));
      await this.#delay(host, delayAfter(before.name - free));
      return await check();
    } catch (error) {
      // Nobody has looked at the password.
      await this.#options.store.takeBackLoginTry(attempt);
      throw error;
    }
  }

  #refuseEarly(host: string): void {
    const leftMs = (this.#nextTry.get(host) ?? 0) - this.#options.clock.now();
    if (leftMs > 0) throw tooMany(FROM_ADDRESS, leftMs);
  }

  #admit(host: string, delayMs: number): void {
    if (delayMs === 0) return;
    // Another one may have come first while this one was counted.
    this.#refuseEarly(host);
    this.#nextTry.delete(host);
    this.#nextTry.set(host, this.#options.clock.now() + delayMs);
    const [oldest] = this.#nextTry.keys();
    if (this.#nextTry.size > MAX_HOSTS && oldest !== undefined) this.#nextTry.delete(oldest);
  }

  async #delay(host: string, delayMs: number): Promise<void> {
    if (delayMs === 0) return;
    if (this.#waiting.count(host) >= MAX_WAITING) throw tooMany(OF_NAME, delayMs);
    this.#waiting.add(host);
    try {
      await wait(delayMs, { clock: this.#options.clock });
    } finally {
      this.#waiting.remove(host);
    }
  }
}

/** @param excess How many failures there were beyond those that are free; none when negative. */
function delayAfter(excess: number): number {
  return excess < 0 ? 0 : Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(excess, 10));
}

const FROM_ADDRESS = "too many failed logins from this address";
const OF_NAME = "too many failed logins of this name, and enough tries from this address wait already";

function tooMany(message: string, retryMs: number): ProtocolError {
  return new ProtocolError("rate_limited", message, { retryMs: Math.ceil(retryMs) });
}
