import type { Accept, Connection } from "../net/mod.ts";

/** Sends back what comes, at the pace at which it is taken, and ends when the client has. */
export const accept: Accept = () => ({
  data(connection: Connection, chunk: Uint8Array): void {
    if (!connection.write(chunk)) connection.pause();
  },
  drain: (connection: Connection) => connection.resume(),
  end: (connection: Connection) => connection.end(),
  close: () => undefined,
});
