import process from "node:process";
import { bunDriver } from "./bun_driver.ts";
import type { Driver } from "./contract.ts";
import { denoDriver } from "./deno_driver.ts";
import { type DriverOptions, nodeDriver } from "./node_driver.ts";

/** The best driver of the runtime that we run on. */
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
