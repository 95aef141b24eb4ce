import type { Driver } from "../net/mod.ts";
import type { Backend } from "./backend.ts";

/** Options for a {@linkcode Probe}. */
export interface ProbeOptions {
  /** Aborted when nobody wants the answer any more; the probe then settles soon. */
  readonly signal: AbortSignal;
  /** For how long the answer is waited for, in milliseconds. One that comes later, up to as long again, still counts. */
  readonly timeoutMs: number;
}

/** Asks a backend whether it lives. Resolves with its answer; rejects once it is known that none comes, and says why. */
export type Probe = (backend: Backend, options: ProbeOptions) => Promise<void>;

/** A probe that connects and hangs up at once: whoever accepts connections lives. The backend sees an orderly end. */
export function tcpProbe(driver: Driver): Probe {
  return async (backend, { signal, timeoutMs }) => {
    const connection = await driver.connect(
      backend.address,
      { data: ignore, close: ignore },
      { signal, timeoutMs: 2 * timeoutMs },
    );
    // Not a reset: that is an error to a backend, and ends one that does not listen for errors.
    connection.close();
  };
}

/** A probe that does not ask: every backend counts as up. */
export function noProbe(): Promise<void> {
  return Promise.resolve();
}

/** The one thing that is of interest is whether the connection opens. */
function ignore(): undefined {
  return undefined;
}
