import type { Driver } from "../../net/mod.ts";
import type { Probe, ProbeAnswer } from "./contract.ts";

/**
 * A probe that connects and hangs up at once: whoever accepts connections lives. The backend sees an orderly end.
 *
 * The system accepts connections for a process that hangs: only a probe that expects words in answer can tell that.
 */
export function tcpProbe(driver: Driver): Probe {
  return async (backend, { signal, timeoutMs }) => {
    const ignore = { data: () => undefined, close: () => undefined };
    const connection = await driver.connect(backend.address, ignore, { signal, timeoutMs: 2 * timeoutMs });
    // Not a reset: that is an error to a backend, and ends one that does not listen for errors.
    connection.close();
    return {};
  };
}

/** A probe that does not ask: every backend counts as up. */
export function noProbe(): Promise<ProbeAnswer> {
  return Promise.resolve({});
}
