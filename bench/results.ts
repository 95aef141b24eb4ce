/**
 * What was measured, as files: `results/SCENARIO.json` and the picture of it.
 *
 * @module
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import type { Scenario } from "./contract.ts";
import { draw } from "./draw.ts";
import { RUNTIMES } from "./processes.ts";
import type { RowSamples } from "./report.ts";
import { HAPROXY, NGINX } from "./rows/proxies.ts";

const ROOT = dirname(import.meta.dirname);
const RESULTS = join(import.meta.dirname, "results");

/** How each program that may be measured says its version. */
const VERSIONS: Readonly<Record<string, readonly string[]>> = {
  node: [...RUNTIMES.node.slice(0, 1), "--version"],
  bun: [...RUNTIMES.bun.slice(0, 1), "--version"],
  deno: [...RUNTIMES.deno.slice(0, 1), "--version"],
  redis: ["redis-server", "--version"],
  nginx: [NGINX, "-v"],
  haproxy: [HAPROXY, "-v"],
};

/** What a result's file is read for again; it holds more. */
interface Result {
  readonly rows: readonly RowSamples[];
}

/** Keeps what was measured, with a picture of it; in a file of another name without one. */
export function save(scenario: Scenario, measured: Result, file?: string): void {
  const result = { scenario: scenario.name, ...circumstances(), ...measured };
  const json = `${JSON.stringify(result, undefined, 1)}\n`;
  if (file !== undefined) {
    writeFileSync(file, json);
    return;
  }
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(fileOf(scenario, "json"), json);
  writeFileSync(fileOf(scenario, "svg"), draw(scenario, measured.rows));
}

/** Draws what was measured before. @returns Whether there is a result. */
export function redraw(scenario: Scenario): boolean {
  if (!existsSync(fileOf(scenario, "json"))) return false;
  const { rows } = JSON.parse(readFileSync(fileOf(scenario, "json"), "utf8")) as Result;
  writeFileSync(fileOf(scenario, "svg"), draw(scenario, rows));
  return true;
}

/** Where is kept what rows came to in turns with the baseline: the samples of that, then the row's own, for each row. */
export function pairedFileOf({ name }: Scenario): string {
  return join(RESULTS, `${name}_paired.json`);
}

function fileOf({ name }: Scenario, extension: "json" | "svg"): string {
  return join(RESULTS, `${name}.${extension}`);
}

/** What somebody needs to know to run it again and to tell why it came out another way. */
function circumstances(): Record<string, unknown> {
  const git = (...args: string[]): string =>
    execFileSync("git", args, { cwd: ROOT, encoding: "utf8" }).trim();
  const [cpu] = cpus();
  return {
    commit: git("rev-parse", "HEAD"),
    isChanged: git("status", "--porcelain", "--", "src", "mod.ts", "bench", ":!bench/results") !== "",
    command: `npm run bench -- ${process.argv.slice(2).join(" ")}`,
    at: new Date().toISOString(),
    versions: versions(),
    machine: { processor: cpu?.model, cores: cpus().length, memoryBytes: totalmem() },
  };
}

/** Of the programs that are there, each by its own first line. */
function versions(): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, [program = "", ...args]] of Object.entries(VERSIONS)) {
    const { error, stdout, stderr } = spawnSync(program, args, { encoding: "utf8" });
    const [line = ""] = `${stdout}${stderr}`.split("\n");
    if (!error) found[name] = line;
  }
  return found;
}
