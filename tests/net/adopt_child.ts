import type { Socket } from "node:net";
import process from "node:process";
import { setImmediate as nextTurn } from "node:timers/promises";
import { adopt, openHandles } from "../../src/net/mod.ts";

/**
 * A process that adopts the sockets it is sent: it echoes what comes and, some turns after the client has ended, says
 * how many bytes came.
 * Asked by any other message, it reports its open handles.
 */
function onMessage(_: unknown, socket: Socket | undefined): void {
  if (!socket) {
    void report();
    return;
  }
  adopt(socket, () => ({
    data: (connection, chunk) => void connection.write(chunk),
    async end(connection) {
      await nextTurn();
      await nextTurn();
      connection.write(new TextEncoder().encode(`|${connection.bytesRead} bytes`));
      connection.close();
    },
    close: () => undefined,
  }));
}

/** A connection that its client has seen close is reported here some turns later. */
async function report(): Promise<void> {
  for (let turn = 0; turn < 10_000 && openHandles() > 0; turn++) await nextTurn();
  process.send?.({ handles: openHandles() });
}

process.on("message", onMessage);
process.send?.("ready");
