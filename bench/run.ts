/**
 * Runs the benchmarks of pure functions, `micro/*_bench.ts`, each on the runtimes asked for.
 *
 *     node bench/run.ts [--only node|bun|deno] [FILTER …]
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";

const ROOT = dirname(import.meta.dirname);
const BIN = join(ROOT, "node_modules", ".bin");
const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  node: [join(BIN, "node")],
  bun: [join(BIN, "bun"), "run"],
  deno: [join(BIN, "deno"), "run", "-q", "-P"],
};

const { values, positionals } = parseArgs({ options: { only: { type: "string" } }, allowPositionals: true });
const files = readdirSync(join(import.meta.dirname, "micro"))
  .filter((file) => file.endsWith("_bench.ts") && positionals.every((part) => file.includes(part)))
  .sort();
const chosen = Object.entries(COMMANDS).filter(([name]) => values.only === undefined || values.only === name);
if (files.length === 0 || chosen.length === 0) {
  console.error(`Cannot run benchmarks: nothing matches ${process.argv.slice(2).join(" ")}`);
  process.exit(2);
}

for (const file of files) {
  for (const [name, [program = "", ...args]] of chosen) {
    console.log(`\n${file} on ${name}`);
    const { status } = spawnSync(program, [...args, join(import.meta.dirname, "micro", file)], {
      cwd: ROOT,
      stdio: "inherit",
    });
    if (status !== 0) process.exitCode = 1;
  }
}
