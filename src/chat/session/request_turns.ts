import type { Request } from "../requests/request.ts";

/** Sends of one session under way at once; further frames wait. */
const MAX_SENDS = 256;

/** Whose turn it is among the requests of a session, see `Session`. */
export class RequestTurns {
  #sends = 0;
  #isBusy = false;
  /** The one that waits until the sends before it are answered. */
  #held: Request | undefined;

  /** Whether the next request may be looked at. */
  get isOpen(): boolean {
    return !this.#isBusy && this.#held === undefined && this.#sends < MAX_SENDS;
  }

  /** Whether a request is worked on, or waits, that is no send. */
  get isBusy(): boolean {
    return this.#isBusy || this.#held !== undefined;
  }

  /** Whether nothing is under way. */
  get isIdle(): boolean {
    return !this.isBusy && this.#sends === 0;
  }

  /** Whether it is the turn of `request`. Else it is kept, and {@linkcode finished} will give it. */
  take(request: Request): boolean {
    if (this.#sends === 0 || isOvertaking(request)) return true;
    this.#held = request;
    return false;
  }

  /** Work on a request takes a while. */
  begun({ type }: Request): void {
    if (type === "send") this.#sends += 1;
    else this.#isBusy = true;
  }

  /** Such work is done. @returns The request whose turn it is then. */
  finished({ type }: Request): Request | undefined {
    if (type === "send") this.#sends -= 1;
    else this.#isBusy = false;
    const held = this.#held;
    if (this.#sends > 0) return undefined;
    this.#held = undefined;
    return held;
  }

  /** Forgets who waits. */
  clear(): void {
    this.#held = undefined;
  }
}

/** Whether a request may be done before sends that came earlier are answered. */
function isOvertaking({ type }: Request): boolean {
  return type === "send" || type === "ack" || type === "signal" || type === "ping";
}
