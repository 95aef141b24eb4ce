/**
 * The suite: every `*_test.ts` below this folder, on Node, Bun and Deno.
 *
 * Each file runs in a process of its own on each runtime, several a core at a time. Prints what failed, then what passed on each runtime
 * and what took longest there, and the sum.
 *
 *     node tests/run.ts [--only node|bun|deno] [--node PATH] [--expect-node VERSION] [FILTER …]
 *
 * @module
 */
import { execFile, spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { glob } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { delimiter, dirname, join, relative } from "node:path";
import process from "node:process";
import { parseArgs, promisify } from "node:util";
import { orUsage } from "./or_usage.ts";

const ROOT = dirname(import.meta.dirname);
const BIN = join(ROOT, "node_modules", ".bin");
/** A test has a limit of its own; on a machine that others use, too, a file of many takes minutes. */
const FILE_LIMIT_MS = 300_000;
/** How long the output of a process may stay open after its end, in milliseconds. */
const LEFT_MS = 10_000;
const LEFT = "processes that it has started live on, and hold its output";
/** Files wait more than they compute. */
const FILES_A_CORE = 3;

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

const USAGE = "npm test -- [--only node|bun|deno] [--node PATH] [--expect-node VERSION] [FILTER …]";

const { values, positionals } = orUsage(USAGE, () =>
  parseArgs({
    options: {
      only: { type: "string" },
      node: { type: "string", default: join(BIN, "node") },
      "expect-node": { type: "string", default: "24" },
    },
    allowPositionals: true,
  }),
);

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

/** What takes longest starts first, so that it is not waited for at the end: browsers, many programs, programs and several Redis. */
const LONGEST = [
  /^tests\/web\//,
  /^tests\/(?:cli\/(?:balance_workers|chat_workers|up)|faults\/drained_server)_test/,
  /^tests\/(?:cli|faults|redis)\/|redis_kinds|cluster|sentinel|redis\/delivery|redis_presence/,
];

/** The place of a file in the order; the same for all that are as long. */
function rank(file: string): number {
  const found = LONGEST.findIndex((pattern) => pattern.test(file));
  return found < 0 ? LONGEST.length : found;
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

function environmentOf({ program }: Runtime, reports: string): NodeJS.ProcessEnv {
  return {
    ...process.env,
    PATH: [dirname(program), BIN, process.env.PATH].join(delimiter),
    NO_COLOR: "1",
    // Who is killed leaves what it had there.
    TMPDIR: join(reports, "tmp"),
    // Programs are started hundreds of times: Node need not compile them anew each time.
    NODE_COMPILE_CACHE: join(reports, "compile-cache"),
  };
}

/** Has the program compiled before many start it at once. */
async function compile(runtime: Runtime, reports: string): Promise<void> {
  const env = environmentOf(runtime, reports);
  await promisify(execFile)(runtime.program, ["mod.ts", "help"], { cwd: ROOT, env });
}

function run(
  runtime: Runtime,
  file: string,
  report: string,
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(runtime.program, runtime.arguments(file, report), {
      cwd: ROOT,
      env: environmentOf(runtime, dirname(report)),
      stdio: ["ignore", "pipe", "pipe"],
      timeout: FILE_LIMIT_MS,
      killSignal: "SIGKILL",
    });
    let output = "";
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.on("data", (chunk) => (output += chunk));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, output }));
    child.on("exit", (code) => {
      const late = setTimeout(() => {
        // Else we would wait for as long as they live.
        child.stdout.destroy();
        child.stderr.destroy();
        resolve({ code: code || 1, output: `${output}\n${LEFT}` });
      }, LEFT_MS);
      child.on("close", () => clearTimeout(late));
    });
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

/** One file on one runtime. */
interface Job {
  readonly runtime: Runtime;
  readonly file: string;
}

/** A job that was done. */
interface Done extends Job {
  readonly counts: Counts;
  readonly seconds: number;
}

/** The runtimes take turns: while a file of one waits, one of another computes. */
async function runAll(jobs: readonly Job[], reports: string): Promise<readonly Done[]> {
  const waiting = [...jobs];
  const done: Done[] = [];
  const workers = Array.from({ length: FILES_A_CORE * availableParallelism() }, async () => {
    for (let job = waiting.shift(); job; job = waiting.shift()) {
      const begun = performance.now();
      const counts = await runFile(job.runtime, job.file, reports);
      done.push({ ...job, counts, seconds: Math.round((performance.now() - begun) / 1000) });
    }
  });
  await Promise.all(workers);
  return done;
}

/** Prints a line of counts for what was done, and what of it took longest. */
function tell(name: string, done: readonly Done[]): void {
  console.log(`${name}: ${inWords(done)}`);
  const slowest = done.toSorted((one, other) => other.seconds - one.seconds).slice(0, 5);
  console.log(`  slowest: ${slowest.map(({ file, seconds }) => `${file} ${seconds} s`).join(", ")}`);
}

function inWords(done: readonly Done[]): string {
  const sum = (kind: keyof Counts): number => done.reduce((total, { counts }) => total + counts[kind], 0);
  return `${sum("passed")} passed, ${sum("failed")} failed, ${sum("skipped")} skipped`;
}

const started = performance.now();
const files = (await Array.fromAsync(glob("**/*_test.ts", { cwd: import.meta.dirname })))
  .map((file) => relative(ROOT, join(import.meta.dirname, file)))
  .filter((file) => positionals.every((part) => file.includes(part)))
  .sort((one, other) => rank(one) - rank(other) || (one < other ? -1 : 1));
const chosen = orUsage(USAGE, () => {
  if (files.length === 0)
    throw new Error(`Cannot run the suite: no test file matches all of ${positionals.join(", ")}`);
  const runtimes = RUNTIMES.filter(({ name }) => values.only === undefined || values.only === name);
  if (runtimes.length === 0)
    throw new Error(`Cannot run the suite: --only takes node, bun or deno, received "${values.only}"`);
  return runtimes;
});

const reports = mkdtempSync(join(tmpdir(), "chorus-tests-"));
mkdirSync(join(reports, "tmp"));
// Some tests start programs as somebody else.
chmodSync(reports, 0o711);
chmodSync(join(reports, "tmp"), 0o1777);
const versions = new Map<Runtime, string>();
for (const runtime of chosen) versions.set(runtime, await runtime.version());
for (const runtime of chosen) if (runtime.name === "node") await compile(runtime, reports);
const jobs = files.flatMap((file) => chosen.map((runtime): Job => ({ runtime, file })));
const done = await runAll(jobs, reports);
rmSync(reports, { recursive: true, maxRetries: 5, retryDelay: 200 });
for (const [runtime, found] of versions)
  tell(
    `${runtime.name} ${found}`,
    done.filter((one) => one.runtime === runtime),
  );
console.log(`${inWords(done)} (${((performance.now() - started) / 1000).toFixed(0)} s)`);
process.exitCode = done.some(({ counts }) => counts.failed > 0) ? 1 : 0;
