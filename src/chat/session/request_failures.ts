import { type Clock, Cooldown } from "../../async/mod.ts";
import { ProtocolError } from "../protocol.ts";
import { isSilence, StoreError } from "../store/mod.ts";

/** Options for {@linkcode RequestFailures}. */
export interface RequestFailuresOptions {
  readonly clock: Clock;
  readonly onError: (error: unknown, context: { readonly during: string }) => void;
}

/** For how long a failure of the same kind is not told again, in milliseconds. */
const QUIET_MS = 10_000;

/**
 * Tells of requests that failed for no fault of the client: what nobody has foreseen each time, what the store could not do each kind now and
 * then, however many clients run into it.
 */
export class RequestFailures {
  readonly #onError: RequestFailuresOptions["onError"];
  readonly #cooldown: Cooldown;

  constructor({ clock, onError }: RequestFailuresOptions) {
    this.#onError = onError;
    this.#cooldown = new Cooldown(QUIET_MS, clock);
  }

  /**
   * Takes what a request failed with. That a Redis is away is told by its connection.
   *
   * @param during The type of the request.
   */
  take(error: unknown, during: string): void {
    if (!(error instanceof ProtocolError)) {
      this.#onError(error, { during });
      return;
    }
    const { cause } = error;
    if (!(cause instanceof StoreError) || isSilence(cause.cause)) return;
    if (this.#cooldown.take(`${during} ${cause.code}`)) this.#onError(cause, { during });
  }
}

/** Whether a request failed because something is away, and nobody knows for how long. */
export function isOutage(error: unknown): boolean {
  return error instanceof ProtocolError && error.code === "unavailable" && error.retryMs === undefined;
}
