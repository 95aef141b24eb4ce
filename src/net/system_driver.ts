import process from "node:process";
import { bunDriver } from "./bun_driver.ts";
import type { Driver } from "./contract.ts";
import { type DriverOptions, nodeDriver } from "./node_driver.ts";

/** The fastest driver of the runtime that we run on. */
export function systemDriver(options: DriverOptions = {}): Driver {
  return process.versions.bun === undefined ? nodeDriver(options) : bunDriver(options);
}
