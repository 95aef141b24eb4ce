import type { Clock } from "../../async/mod.ts";
import { type ChatLimits, SLOW_MS } from "../limits.ts";
import type { Link } from "./link.ts";

/** What a session is doing while it is looked at. */
export interface Doing {
  /** Nobody is logged in, and somebody should be before long. */
  readonly isGuest: boolean;
  /** A request is being worked on: it is we who are late. */
  readonly isBusy: boolean;
}

/** When a client was last heard, and when it last took something. */
export class Liveness {
  readonly #link: Link;
  readonly #clock: Clock;
  readonly #limits: ChatLimits;
  #heardMs: number;
  /** Since when nobody is logged in. */
  #guestSinceMs: number;
  /** When the client was last seen to have taken something, or to have nothing to take; and how much it had taken by then. */
  #takenMs: number;
  #takenBytes = 0;
  #sweptMs: number;

  constructor(link: Link, clock: Clock, limits: ChatLimits) {
    this.#link = link;
    this.#clock = clock;
    this.#limits = limits;
    this.#heardMs = clock.now();
    this.#guestSinceMs = this.#heardMs;
    this.#takenMs = this.#heardMs;
    this.#sweptMs = this.#heardMs;
  }

  /** For how long the client has said nothing, in milliseconds. */
  get idleMs(): number {
    return this.#clock.now() - this.#heardMs;
  }

  /** The client has sent something. */
  heard(): void {
    this.#heardMs = this.#clock.now();
  }

  /** Nobody is logged in from now on. */
  becameGuest(): void {
    this.#guestSinceMs = this.#clock.now();
  }

  /** Whether the session is to be closed, because it has been silent, without a login, or without reading for too long. */
  sweep({ isGuest, isBusy }: Doing): "slow" | "idle" | undefined {
    const now = this.#clock.now();
    const { queuedBytes, takenBytes } = this.#link;
    if (queuedBytes === 0 || takenBytes !== this.#takenBytes) this.#takenMs = now;
    this.#takenBytes = takenBytes;
    // Who waits for our answer, such as for its turn to log in, is neither silent nor late meanwhile.
    if (isBusy) {
      this.#heardMs = now;
      this.#guestSinceMs += now - this.#sweptMs;
    }
    this.#sweptMs = now;
    if (now - this.#takenMs > SLOW_MS) return "slow";
    const isLate = isGuest && now - this.#guestSinceMs > (this.#limits.loginTimeoutMs ?? Infinity);
    return isLate || now - this.#heardMs > (this.#limits.idleMs ?? Infinity) ? "idle" : undefined;
  }
}
