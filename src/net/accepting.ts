import type { Clock } from "../async/mod.ts";
import { formatAddress } from "./address.ts";
import type { Accept, Address, ListenOptions } from "./contract.ts";
import { toNetError } from "./error.ts";
import { type ConnectionContext, type StreamConnection, throwLater, toError } from "./stream_connection.ts";

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
  return { clock, onHandlerError: (error) => reportTo(options.onError, error, "handler") };
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

/** Reports that accepting on `address` failed. */
export function acceptFailed(options: ListenOptions, cause: unknown, address: Address): void {
  reportTo(options.onError, toNetError(cause, `accept on ${formatAddress(address)}`), "accept");
}
