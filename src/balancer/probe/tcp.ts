import type { Driver } from "../../net/mod.ts";
import type { Probe, ProbeAnswer } from "./contract.ts";

/**
 * A probe that connects and hangs up at once: whoever accepts connections lives. The backend sees an orderly end.
 *
 * The system accepts connections for a process that hangs: only a probe that expects words in answer can tell that.
 *
 * @example Whoever accepts a connection lives
 * ```ts
 * import assert from "node:assert/strict";
 * import { createPool, monitor, systemDriver, tcpProbe } from "chorus";
 *
 * using pool = createPool({ name: "games", policy: "weighted" });
 * const backend = pool.add({ address: { host: "127.0.0.1", port: 7000 } });
 * const up = Promise.withResolvers<void>();
 * await using _ = monitor({ pool, probe: tcpProbe(systemDriver()), onChange: () => up.resolve() });
 * await up.promise;
 * assert.equal(backend.state(), "up");
 * ```
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

/**
 * A probe that does not ask: every backend counts as up.
 *
 * @example Backends of which only their clients can tell
 * ```ts
 * import assert from "node:assert/strict";
 * import { createPool, monitor, noProbe } from "chorus";
 *
 * using pool = createPool({ name: "games", policy: "round-robin" });
 * const backend = pool.add({ address: { host: "10.0.0.7", port: 6000 } });
 * const up = Promise.withResolvers<void>();
 * await using _ = monitor({ pool, probe: noProbe, onChange: () => up.resolve() });
 * await up.promise;
 * assert.equal(backend.state(), "up");
 * ```
 */
export function noProbe(): Promise<ProbeAnswer> {
  return Promise.resolve({});
}
