import type { Clock } from "../async/mod.ts";
import type { Accept, ListenOptions } from "./contract.ts";
import { descriptorLimit, isOutOfDescriptors } from "./descriptors.ts";
import { NetError, toNetError } from "./error.ts";
import type { ConnectionContext, StreamConnection } from "./stream_connection.ts";
import { throwLater, toError } from "./thrown.ts";

/**
 * Calls the listener's `onError`. One that throws is a bug for which no connection must pay: it becomes an uncaught error.
 */
export function reportTo(
  onError: ListenOptions["onError"],
  error: Error,
  during: "accept" | "handler",
): void {
  try {
    onError?.(error, { during });
  } catch (thrown) {
    throwLater(thrown);
  }
}

/** What the connections of a listener share. */
export function listenContext(clock: Clock, options: ListenOptions): ConnectionContext {
  const { onError, onOver } = options;
  return { clock, onHandlerError: (error) => reportTo(onError, error, "handler"), ...(onOver && { onOver }) };
}

/** Asks the user for the handler of an accepted connection; one who throws instead loses the connection. */
export function offer(connection: StreamConnection, accept: Accept, options: ListenOptions): void {
  try {
    connection.handle(accept(connection));
  } catch (error) {
    connection.abort();
    reportTo(options.onError, toError(error), "handler");
  }
}

/** How often a listener says that it cannot accept, in milliseconds. */
const TELL_EVERY_MS = 1000;

/**
 * Keeps a listener, or whoever is given connections, within what the process may open. Left to itself a runtime without descriptors closes whom it cannot take
 * (Node), turns in circles (Bun), or never accepts again (`node:net` on Deno).
 */
export class AcceptGate {
  readonly #action: () => string;
  readonly #clock: Clock;
  readonly #onError: ListenOptions["onError"];
  #toldAt = Number.NEGATIVE_INFINITY;

  /** @param action As in "Cannot `action`: …", asked when it is told. */
  constructor(action: () => string, clock: Clock, options: Pick<ListenOptions, "onError">) {
    this.#action = action;
    this.#clock = clock;
    this.#onError = options.onError;
    // On Deno it takes descriptors to find out.
    descriptorLimit();
  }

  /** Whether there is room for a connection that was accepted. If not, `drop` closes it. */
  admits(drop: () => void): boolean {
    if (!isOutOfDescriptors()) return true;
    drop();
    this.failed(new NetError("descriptors", `Cannot ${this.#action()}: descriptors`));
    return false;
  }

  /** Reports that accepting failed, once a second at most. */
  failed(cause: unknown): void {
    const now = this.#clock.now();
    if (now - this.#toldAt < TELL_EVERY_MS) return;
    this.#toldAt = now;
    reportTo(this.#onError, toNetError(cause, this.#action()), "accept");
  }
}
