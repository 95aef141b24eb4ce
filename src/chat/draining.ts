import type { Clock, Timer } from "../async/mod.ts";
import type { Session } from "./session/session.ts";

/** How far the drain of a chat server has come. */
export interface ServerDrain {
  /** Logged-in sessions when it began, and now. */
  readonly total: number;
  /** Logged-in sessions that are left. */
  readonly left: number;
  /** Milliseconds until those that are left are closed; 0 once they were. */
  readonly remainingMs: number;
}

/** For each client that is told to go elsewhere at once, how much longer all of them take to come back, in milliseconds. */
const SPREAD_MS = 1;
const MAX_SPREAD_MS = 5000;

type Phase =
  | { readonly name: "open" }
  | { readonly name: "draining"; readonly total: number; readonly endsAt: number; readonly timer: Timer };

const OPEN: Phase = { name: "open" };

/** Sends the clients of a server elsewhere: tells them at once, and closes those that are left when their time is over. */
export class Draining {
  readonly #sessions: ReadonlySet<Session>;
  readonly #clock: Clock;
  #phase: Phase = OPEN;

  /** @param sessions All of the server's, logged in or not. Changes with them. */
  constructor(sessions: ReadonlySet<Session>, clock: Clock) {
    this.#sessions = sessions;
    this.#clock = clock;
  }

  /** Undefined while it takes clients. */
  get progress(): ServerDrain | undefined {
    const phase = this.#phase;
    if (phase.name === "open") return undefined;
    const remainingMs = Math.max(0, phase.endsAt - this.#clock.now());
    return { total: phase.total, left: this.online, remainingMs };
  }

  /** Logged-in sessions now. */
  get online(): number {
    let count = 0;
    for (const { phase } of this.#sessions) if (phase.name === "online") count += 1;
    return count;
  }

  /** Begins, or begins anew with another time, which is told again. */
  start(graceMs: number): void {
    this.stop();
    const endsAt = this.#clock.now() + graceMs;
    const timer = this.#clock.after(graceMs, () => this.#closeAll());
    this.#phase = { name: "draining", total: this.online, endsAt, timer };
    if (graceMs > 0) for (const session of this.#sessions) session.announceDrain(graceMs);
  }

  /** Calls it off: those that were not closed yet may stay. */
  stop(): void {
    if (this.#phase.name === "draining") this.#phase.timer.cancel();
    this.#phase = OPEN;
  }

  /** A client has logged in, and knows it: it is sent elsewhere like those who were there before. */
  loggedIn(session: Session): void {
    if (this.#phase.name === "open") return;
    const leftMs = Math.ceil(this.#phase.endsAt - this.#clock.now());
    if (leftMs > 0) session.announceDrain(leftMs);
    // One that knows no other server would come back at once, again and again.
    else session.close("draining", MAX_SPREAD_MS);
  }

  /** Those who are still there come back elsewhere one after another: they would all knock at one door. */
  #closeAll(): void {
    const spreadMs = Math.min(MAX_SPREAD_MS, this.#sessions.size * SPREAD_MS);
    for (const session of this.#sessions) session.close("draining", spreadMs);
  }
}
