import type { Socket } from "node:net";
import process from "node:process";
import { adopt, openHandles } from "../../src/net/mod.ts";

/**
 * A process that adopts the sockets it is sent: it echoes what comes and, when the client has ended, says how many bytes came.
 * Asked by any other message, it reports its open handles.
 */
function onMessage(_: unknown, socket: Socket | undefined): void {
  if (!socket) {
    process.send?.({ handles: openHandles() });
    return;
  }
  adopt(socket, () => ({
    data: (connection, chunk) => void connection.write(chunk),
    end(connection) {
      connection.write(new TextEncoder().encode(`|${connection.bytesRead} bytes`));
      connection.close();
    },
    close: () => undefined,
  }));
}

process.on("message", onMessage);
process.on("disconnect", () => process.exit(0));
process.send?.("ready");
