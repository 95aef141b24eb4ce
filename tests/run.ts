/**
 * The suite: every `*_test.ts` below this folder, on Node, then Bun, then Deno.
 *
 * Each file runs in a process of its own, two a core at a time. Prints what failed, then a line for each runtime and the sum.
 *
 *     node tests/run.ts [--only node|bun|deno] [--node PATH] [--expect-node VERSION] [FILTER …]
 *
 * @module
 */
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { glob } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { delimiter, dirname, join, relative } from "node:path";
import process from "node:process";
import { parseArgs, promisify } from "node:util";

const ROOT = dirname(import.meta.dirname);
const BIN = join(ROOT, "node_modules", ".bin");
const FILE_LIMIT_MS = 150_000;
/** Files wait more than they compute. */
const FILES_A_CORE = 2;

interface Runtime {
  readonly name: "node" | "bun" | "deno";
  readonly program: string;
  /** The arguments that run one test file and write a JUnit report. */
  arguments(file: string, report: string): string[];
  /** Gives the version, after checking that it is the one the project asks for. */
  version(): Promise<string>;
}

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

const { values, positionals } = parseArgs({
  options: {
    only: { type: "string" },
    node: { type: "string", default: join(BIN, "node") },
    "expect-node": { type: "string", default: "24" },
  },
  allowPositionals: true,
});

const RUNTIMES: readonly Runtime[] = [
  {
    name: "node",
    program: values.node,
    arguments: (file, report) => [
      "--import=./tests/node_setup.ts",
      "--test-reporter=junit",
      `--test-reporter-destination=${report}`,
      "--test-reporter=spec",
      "--test-reporter-destination=stdout",
      file,
    ],
    version: () => version(values.node, ["-p", "process.versions.node"], values["expect-node"]),
  },
  {
    name: "bun",
    program: join(BIN, "bun"),
    arguments: (file, report) => [
      "test",
      "--timeout=60000",
      "--reporter=junit",
      `--reporter-outfile=${report}`,
      `./${file}`,
    ],
    version: () => version(join(BIN, "bun"), ["--version"], pinned("bun")),
  },
  {
    name: "deno",
    program: join(BIN, "deno"),
    arguments: (file, report) => ["test", "-q", "-P", "--no-check", `--junit-path=${report}`, file],
    version: () => version(join(BIN, "deno"), ["eval", "console.log(Deno.version.deno)"], pinned("deno")),
  },
];

/** Whether a file starts programs, or several servers of Redis: these take longest. */
function isLong(file: string): boolean {
  return /^tests\/(?:cli|faults|redis)\/|redis_kinds|cluster|sentinel|redis\/delivery|redis_presence/.test(
    file,
  );
}

function pinned(name: string): string {
  const { devDependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  return devDependencies[name];
}

async function version(program: string, query: string[], wanted: string): Promise<string> {
  const { stdout } = await promisify(execFile)(program, query);
  const found = stdout.trim();
  if (found !== wanted && !found.startsWith(`${wanted}.`)) {
    throw new Error(`Cannot run the suite: ${program} is version ${found}, wanted ${wanted}; run npm ci`);
  }
  return found;
}

/** Runs one file and counts its tests by their report; a process that fails without a failed test counts as one. */
async function runFile(runtime: Runtime, file: string, reports: string): Promise<Counts> {
  const report = join(reports, `${runtime.name}-${file.replaceAll(/\W/g, "_")}.xml`);
  const { code, output } = await run(runtime, file, report);
  const counts = count(report);
  if (code !== 0 && counts.failed === 0) counts.failed = 1;
  if (code === 0 && counts.passed + counts.skipped === 0) counts.failed = 1;
  if (counts.failed > 0) console.log(`\n=== ${runtime.name} ${file} (exit code ${code})\n${output}`);
  return counts;
}

function run(
  runtime: Runtime,
  file: string,
  report: string,
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(runtime.program, runtime.arguments(file, report), {
      cwd: ROOT,
      env: {
        ...process.env,
        PATH: [dirname(runtime.program), BIN, process.env.PATH].join(delimiter),
        NO_COLOR: "1",
        // Programs are started hundreds of times: Node need not compile them anew each time.
        NODE_COMPILE_CACHE: join(dirname(report), "compile-cache"),
      },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: FILE_LIMIT_MS,
      killSignal: "SIGKILL",
    });
    let output = "";
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.on("data", (chunk) => (output += chunk));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, output }));
  });
}

function count(report: string): Counts {
  let xml = "";
  try {
    xml = readFileSync(report, "utf8");
  } catch {
    return { passed: 0, failed: 0, skipped: 0 };
  }
  const occurrences = (pattern: RegExp) => [...xml.matchAll(pattern)].length;
  const failed = occurrences(/<(?:failure|error)\b/g);
  const skipped = occurrences(/<skipped\b/g);
  return { passed: occurrences(/<testcase\b/g) - failed - skipped, failed, skipped };
}

async function runAll(runtime: Runtime, files: readonly string[], reports: string): Promise<Counts> {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  const started = performance.now();
  const found = await runtime.version();
  const waiting = [...files];
  const taken: { readonly file: string; readonly seconds: number }[] = [];
  const workers = Array.from({ length: FILES_A_CORE * availableParallelism() }, async () => {
    for (let file = waiting.shift(); file; file = waiting.shift()) {
      const begun = performance.now();
      const result = await runFile(runtime, file, reports);
      taken.push({ file, seconds: Math.round((performance.now() - begun) / 1000) });
      counts.passed += result.passed;
      counts.failed += result.failed;
      counts.skipped += result.skipped;
    }
  });
  await Promise.all(workers);
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  console.log(
    `${runtime.name} ${found}: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped (${seconds} s)`,
  );
  const slowest = taken.toSorted((one, other) => other.seconds - one.seconds).slice(0, 5);
  console.log(`  slowest: ${slowest.map(({ file, seconds }) => `${file} ${seconds} s`).join(", ")}`);
  return counts;
}

const files = (await Array.fromAsync(glob("**/*_test.ts", { cwd: import.meta.dirname })))
  .map((file) => relative(ROOT, join(import.meta.dirname, file)))
  .filter((file) => positionals.every((part) => file.includes(part)))
  // First, so that none of them is left for the end.
  .sort((one, other) => Number(isLong(other)) - Number(isLong(one)) || (one < other ? -1 : 1));
if (files.length === 0)
  throw new Error(`Cannot run the suite: no test file matches ${positionals.join(" ")}`);
const chosen = RUNTIMES.filter(({ name }) => values.only === undefined || values.only === name);
if (chosen.length === 0)
  throw new Error(`Cannot run the suite: --only takes node, bun or deno, received "${values.only}"`);

const reports = mkdtempSync(join(tmpdir(), "chorus-tests-"));
const total: Counts = { passed: 0, failed: 0, skipped: 0 };
for (const runtime of chosen) {
  const counts = await runAll(runtime, files, reports);
  total.passed += counts.passed;
  total.failed += counts.failed;
  total.skipped += counts.skipped;
}
rmSync(reports, { recursive: true });
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed > 0 ? 1 : 0;
