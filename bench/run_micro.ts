/**
 * Runs the benchmarks of single parts, `micro/*_bench.ts`, each on every runtime.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { RUNTIMES, type RuntimeName } from "./processes.ts";

/** The names of all. */
export function microNames(): readonly string[] {
  return readdirSync(join(import.meta.dirname, "micro"))
    .filter((file) => file.endsWith("_bench.ts"))
    .map((file) => file.slice(0, -"_bench.ts".length))
    .sort();
}

/** Runs one, whose output goes where ours goes. @returns Whether it ended well on every runtime. */
export function runMicro(name: string, runtimes: readonly RuntimeName[]): boolean {
  const file = join(import.meta.dirname, "micro", `${name}_bench.ts`);
  return runtimes.every((runtime) => {
    const [program = "", ...args] = RUNTIMES[runtime];
    process.stdout.write(`\n${name} on ${runtime}\n`);
    const { status } = spawnSync(program, [...args, file], {
      cwd: dirname(import.meta.dirname),
      stdio: "inherit",
    });
    return status === 0;
  });
}
