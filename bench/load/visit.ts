import { connect } from "node:net";

/**
 * Connects, asks, hears an answer as long as the request and leaves.
 *
 * @returns The time from the beginning until the answer was there, in milliseconds, when the connection is closed on both sides.
 */
export function visit(
  address: { readonly host: string; readonly port: number },
  request: Uint8Array,
  leaves: "in order" | "by reset",
): Promise<number> {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    let answeredMs: number | undefined;
    let received = 0;
    const socket = connect({ ...address, noDelay: true });
    socket.on("data", (chunk) => {
      received += chunk.length;
      if (received < request.length) return;
      answeredMs = performance.now() - startedAt;
      if (leaves === "in order") socket.end();
      else socket.resetAndDestroy();
    });
    socket.once("error", reject);
    socket.once("close", () => {
      if (answeredMs !== undefined && received === request.length) resolve(answeredMs);
      else reject(new Error(`Cannot visit: the answer had ${received} bytes of ${request.length}`));
    });
    socket.write(request);
  });
}
