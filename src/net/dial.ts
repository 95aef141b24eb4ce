import type { Clock } from "../async/mod.ts";
import { formatAddress } from "./address.ts";
import type { Address, Connection, ConnectOptions } from "./contract.ts";
import { NetError } from "./error.ts";
import { handleClosed, handleOpened } from "./handles.ts";

/** The longest that connecting may take unless told otherwise, in milliseconds. */
const CONNECT_TIMEOUT_MS = 5000;

/** One attempt to connect, as a driver sees it. */
export interface Dial {
  /**
   * The socket is open; `connection` makes a connection of it, at once.
   *
   * @returns False when the dial was given up before, or `connection` threw: the driver closes the socket.
   */
  opened(connection: () => Connection): boolean;
  /** The socket could not be opened. No effect when the dial is over. */
  failed(error: unknown): void;
  /** The runtime holds nothing for this attempt any more, or the connection counts for it. Once. */
  released(): void;
}

/**
 * Runs one dial under its deadline and signal; it counts as an open handle until it is released.
 *
 * @param start Begins to connect. Returns what gives the attempt up, where the runtime can.
 */
export function dial(
  address: Address,
  options: ConnectOptions,
  clock: Clock,
  start: (attempt: Dial) => () => void,
): Promise<Connection> {
  const { timeoutMs = CONNECT_TIMEOUT_MS, signal } = options;
  if (signal?.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    let giveUp: (() => void) | undefined;
    let isOver = false;
    function finish(): boolean {
      if (isOver) return false;
      isOver = true;
      timer.cancel();
      signal?.removeEventListener("abort", onAbort);
      return true;
    }
    function failed(error: unknown): void {
      if (!finish()) return;
      reject(error);
      giveUp?.();
    }
    function onAbort(): void {
      failed(signal?.reason);
    }
    const timer = clock.after(timeoutMs, () =>
      failed(
        new NetError("timeout", `Cannot connect to ${formatAddress(address)}: no answer in ${timeoutMs} ms`),
      ),
    );
    signal?.addEventListener("abort", onAbort, { once: true });
    handleOpened();
    try {
      giveUp = start({
        failed,
        released: handleClosed,
        opened(connection) {
          if (!finish()) return false;
          try {
            resolve(connection());
            return true;
          } catch (error) {
            reject(error);
            return false;
          }
        },
      });
    } catch (error) {
      handleClosed();
      failed(error);
    }
  });
}
