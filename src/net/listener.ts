import { setImmediate as nextTurn } from "node:timers/promises";
import type { Address, Listener } from "./contract.ts";
import { handleClosed, handleOpened } from "./handles.ts";

/** Makes a listener of what a driver has bound; it counts as an open handle until `stop` is done. */
export function toListener(address: Address, stop: () => void | Promise<void>): Listener {
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= (async () => {
      await stop();
      // The system has let go of the address by then.
      await nextTurn();
      handleClosed();
    })();
    return closing;
  };
  handleOpened();
  return { address, close, [Symbol.asyncDispose]: close };
}
