import type { Clock, Timer } from "../../async/mod.ts";
import type { Exchange } from "./exchange.ts";
import type { Seen } from "./reader.ts";

const PING_MS = 30_000;
/** Without a sign of life for so long after a ping a connection is dead. */
const ANSWER_MS = 15_000;
/** The last part of that. Whoever stood still until then, as a machine that slept, reads in it what has come meanwhile. */
const READING_MS = 1000;
/** How soon after a message it is acknowledged. */
const ACK_MS = 100;
/** The least time between two acknowledgements: each costs the servers as much as half a message. */
const ACK_GAP_MS = 1000;
/** Of the time that a server gives for leaving, the part that is used: the rest is for those who are late. */
const LEAVING_PART = 0.8;

/** Options for an {@linkcode Attendance}. */
export interface AttendanceOptions {
  readonly exchange: Exchange;
  readonly clock: Clock;
  /** The place to acknowledge; undefined when nothing was seen. */
  readonly seen: () => Seen | undefined;
}

/** The time that a client spends on one connection, logged in: pings, acknowledges, and leaves when it is told to. */
export class Attendance {
  readonly exchange: Exchange;
  readonly #clock: Clock;
  readonly #seen: () => Seen | undefined;
  #heardMs: number;
  /** When it has pinged last; a login counts. */
  #pingedMs: number;
  /** When it has sent the ping from which on a sign of life is waited for. */
  #askedMs = Number.NEGATIVE_INFINITY;
  /** The time for that is up, but for the reading. */
  #isOverdue = false;
  #ackedMs = Number.NEGATIVE_INFINITY;
  #pingTimer: Timer;
  #ackTimer: Timer | undefined;
  #leaveTimer: Timer | undefined;

  constructor({ exchange, clock, seen }: AttendanceOptions) {
    this.exchange = exchange;
    this.#clock = clock;
    this.#seen = seen;
    this.#heardMs = clock.now();
    this.#pingedMs = this.#heardMs;
    this.#pingTimer = this.#lookIn(PING_MS);
  }

  /** Something came. */
  hear(): void {
    this.#heardMs = this.#clock.now();
  }

  /** Acknowledges in a moment, and with it what comes until then; at most once a second. */
  acknowledgeSoon(): void {
    if (this.#ackTimer) return;
    const restMs = this.#ackedMs + ACK_GAP_MS - this.#clock.now();
    this.#ackTimer = this.#clock.after(Math.max(ACK_MS, restMs), () => this.acknowledge());
  }

  /** Tells the server how far this device has got. */
  acknowledge(): void {
    this.#ackTimer?.cancel();
    this.#ackTimer = undefined;
    const seen = this.#seen();
    if (!seen) return;
    this.#ackedMs = this.#clock.now();
    this.exchange.tell({ type: "ack", ...seen });
  }

  /** Leaves at a random moment within `afterMs`, so that not everybody arrives at the next server at once; with 0 the server closes. */
  leaveWithin(afterMs: number): void {
    if (afterMs <= 0) return;
    this.#leaveTimer?.cancel();
    const delayMs = Math.random() * afterMs * LEAVING_PART;
    this.#leaveTimer = this.#clock.after(delayMs, () => {
      this.acknowledge();
      this.exchange.close();
    });
  }

  /** The connection is over: nothing is to be done any more. */
  end(): void {
    this.#pingTimer.cancel();
    this.#ackTimer?.cancel();
    this.#leaveTimer?.cancel();
  }

  #lookIn(delayMs: number): Timer {
    return this.#clock.after(delayMs, () => this.#look());
  }

  /** Does all that is due, in one go: in a page that nobody sees, browsers call a timer that follows a timer once a minute. */
  #look(): void {
    const now = this.#clock.now();
    const isHeard = this.#heardMs >= this.#askedMs;
    if (!isHeard && this.#isOverdue) {
      // Of a connection that is dead no goodbyes are to be expected either.
      this.exchange.abort();
      return;
    }
    this.#isOverdue = !isHeard;
    const isDue = now - this.#pingedMs >= PING_MS;
    if (isDue) this.#ping(now);
    if (isDue && isHeard) this.#askedMs = now;
    const nextMs = isDue ? ANSWER_MS - READING_MS : this.#pingedMs + PING_MS - now;
    this.#pingTimer = this.#lookIn(isHeard ? nextMs : READING_MS);
  }

  #ping(now: number): void {
    this.#pingedMs = now;
    this.exchange.tell({ type: "ping" });
  }
}
