import { acceptTls, NetError, type TlsServerContext } from "../../net/mod.ts";
import type { Arrival } from "./arrival.ts";
import { Refusal } from "./refusal.ts";

/** How long a TLS handshake with a client may take unless told otherwise, in milliseconds. */
const HANDSHAKE_MS = 10_000;

/**
 * Ends the client's TLS here: from then on its bytes are those inside.
 *
 * @returns Why the client cannot be served.
 */
export async function terminateTls(
  arrival: Arrival,
  context: TlsServerContext,
  timeoutMs: number = HANDSHAKE_MS,
): Promise<Refusal | undefined> {
  const { connection, head, signal } = arrival;
  try {
    arrival.decrypt(await acceptTls(connection, context, { head, signal, timeoutMs }));
    return undefined;
  } catch (error) {
    if (signal.aborted) return arrival.farewell();
    if (!(error instanceof NetError)) throw error;
    const hasLeft = error.code === "closed" || error.code === "reset";
    return hasLeft ? arrival.farewell() : new Refusal("tls", error.message);
  }
}
