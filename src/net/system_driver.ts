import process from "node:process";
import { bunDriver } from "./bun_driver.ts";
import type { Driver } from "./contract.ts";
import { denoDriver } from "./deno_driver.ts";
import { type DriverOptions, nodeDriver } from "./node_driver.ts";

/**
 * The best driver of the runtime that we run on.
 *
 * @example A server that sends back what comes
 * ```ts
 * import assert from "node:assert/strict";
 * import { systemDriver } from "chorus";
 *
 * const driver = systemDriver();
 * await using listener = await driver.listen({ host: "127.0.0.1", port: 0 }, () => ({
 *   data: (connection, chunk) => void connection.write(chunk),
 *   end: (connection) => connection.end(),
 *   close: () => undefined,
 * }));
 * const echo = Promise.withResolvers<string>();
 * const connection = await driver.connect(listener.address, {
 *   data: (connection, chunk) => {
 *     connection.end();
 *     echo.resolve(new TextDecoder().decode(chunk));
 *   },
 *   close: () => undefined,
 * });
 * connection.write(new TextEncoder().encode("hello"));
 * assert.equal(await echo.promise, "hello");
 * ```
 */
export function systemDriver(options: DriverOptions = {}): Driver {
  if (process.versions.bun !== undefined) return bunDriver(options);
  return process.versions.deno === undefined ? nodeDriver(options) : denoDriver(options);
}

/**
 * The best driver whose connections can be given to {@linkcode acceptTls} and {@linkcode connectTls}: that of the runtime, but on Bun
 * that over `node:net`.
 */
export function tlsCarrierDriver(options: DriverOptions = {}): Driver {
  return process.versions.bun === undefined ? systemDriver(options) : nodeDriver(options);
}
