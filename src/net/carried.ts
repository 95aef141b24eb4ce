import { systemClock } from "../async/mod.ts";
import { listenContext, offer } from "./accepting.ts";
import type { Accept, Connection } from "./contract.ts";
import type { AdoptOptions } from "./paused.ts";
import { type MovableTransport, StreamConnection } from "./stream_connection.ts";

/**
 * Makes a connection of bytes that something else than a socket of ours carries, such as another process. It has the whole contract
 * of {@linkcode Connection}, owns the transport, and counts as an open handle.
 */
export function carriedConnection(
  transport: MovableTransport,
  accept: Accept,
  options: AdoptOptions = {},
): Connection {
  const { clock = systemClock } = options;
  const connection = new StreamConnection(transport, listenContext(clock, options));
  transport.attach(connection);
  offer(connection, accept, options);
  return connection;
}
