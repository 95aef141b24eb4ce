/**
 * How much memory this process takes, on each runtime.
 *
 * @module
 */
import process from "node:process";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** What a process takes, in bytes. */
export interface Memory {
  /** What its objects take, after those that are of no use were thrown away. */
  readonly heap: number;
  /** What the system has given it. */
  readonly rss: number;
}

const collect: () => void = process.versions.bun ? () => Bun.gc(true) : collector();

function collector(): () => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc");
}

/** Throws away what is of no use, and says what is left. */
export async function memory(): Promise<Memory> {
  for (let turn = 0; turn < 3; turn++) {
    collect();
    // What is finished by a callback is of no use only after it.
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { heapUsed, rss } = process.memoryUsage();
  return { heap: heapUsed, rss };
}
