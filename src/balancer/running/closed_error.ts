/**
 * A balancer that is being closed takes no other configuration.
 *
 * @example A configuration that comes too late
 * ```ts
 * import assert from "node:assert/strict";
 * import { BalancerClosedError, ConfigurationError, parseConfiguration, startBalancer, systemDriver } from "chorus";
 *
 * const text = `{ "frontends": { "main": { "listen": "127.0.0.1:0", "pool": "web" } },
 *   "pools": { "web": { "backends": ["10.0.0.7:6000"] } } }`;
 * const configuration = parseConfiguration(text, "chorus.json");
 * if (Array.isArray(configuration)) throw new ConfigurationError(configuration, "chorus.json");
 * const options = { driver: systemDriver(), nodeId: "edge-1", onError: console.error };
 * const balancer = await startBalancer(configuration, options);
 * await balancer.close();
 * const error = await balancer.apply(configuration).catch((error: unknown) => error);
 * assert(error instanceof BalancerClosedError);
 * ```
 */
export class BalancerClosedError extends Error {
  /** Tells it from other errors. */
  override readonly name = "BalancerClosedError";

  constructor() {
    super("Cannot apply configuration: the balancer is closed");
  }
}
