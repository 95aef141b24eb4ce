/**
 * The processes that a row starts, and what they use of the machine.
 *
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const ROOT = dirname(import.meta.dirname);
const BIN = join(ROOT, "node_modules", ".bin");

/** A runtime that is measured. */
export type RuntimeName = "node" | "bun" | "deno";

/** All of them, in the order of tables. */
export const RUNTIME_NAMES: readonly RuntimeName[] = ["node", "bun", "deno"];

/** How each runtime runs a file. */
export const RUNTIMES: Readonly<Record<RuntimeName, readonly string[]>> = {
  node: [join(BIN, "node")],
  bun: [join(BIN, "bun"), "run"],
  deno: [join(BIN, "deno"), "run", "-q", "-P"],
};

/** A process whose processor time is counted. */
export interface Counted {
  /** What it is in the table: its processor time is counted under this name. */
  readonly role: string;
  readonly pid: number;
}

/** A program of ours or of others that runs while a row is measured. Disposing ends it and waits for its end. */
export interface Running extends Counted, AsyncDisposable {
  /** Resolves with the first line of standard output that matches; rejects when the program ends before. */
  line(pattern: RegExp): Promise<RegExpExecArray>;
  /** Writes a line to its standard input. */
  tell(line: string): void;
  /** The exit code, or the signal that ended it. */
  readonly exited: Promise<number | string>;
}

/** Starts a file of this project on a runtime. */
export function startFile(
  role: string,
  runtime: RuntimeName,
  file: string,
  args: readonly string[] = [],
): Running {
  const [program = "", ...before] = RUNTIMES[runtime];
  return startProgram(role, program, [...before, join(ROOT, file), ...args]);
}

/** Starts any program. */
export function startProgram(role: string, program: string, args: readonly string[]): Running {
  const child = spawn(program, args, { cwd: ROOT, stdio: ["pipe", "pipe", "pipe"] });
  return new RunningProgram(role, child);
}

class RunningProgram implements Running {
  readonly role: string;
  readonly exited: Promise<number | string>;
  readonly #child: ChildProcess;
  readonly #waiting = new Set<() => void>();
  #stdout = "";
  #stderr = "";
  #isOver = false;

  constructor(role: string, child: ChildProcess) {
    this.role = role;
    this.#child = child;
    this.exited = new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code, signal) => {
        this.#isOver = true;
        resolve(signal ?? code ?? -1);
        this.#look();
      });
    });
    // Whoever has ended reads nothing: `line` and `exited` tell of it.
    child.stdin?.on("error", () => undefined);
    child.stdout?.on("data", (chunk) => {
      this.#stdout += chunk;
      this.#look();
    });
    child.stderr?.on("data", (chunk) => {
      this.#stderr = `${this.#stderr}${chunk}`.slice(-4000);
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  line(pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = pattern.exec(this.#stdout);
        if (!found && !this.#isOver) return;
        this.#waiting.delete(look);
        if (found) resolve(found);
        else reject(new Error(`${this.role} ended before it was ready: ${this.#stderr || this.#stdout}`));
      };
      this.#waiting.add(look);
      look();
    });
  }

  tell(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOver) this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 5000);
    await this.exited;
    clearTimeout(timer);
  }

  #look(): void {
    for (const look of this.#waiting) look();
  }
}

const TICKS_PER_SECOND = 100;

/** User and system time that a process and all that it started have used so far, in microseconds. By Linux' `/proc`. */
export function processorTimeOf(pid: number): number {
  // The name in parentheses may hold anything; the numbers begin behind it.
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // Its own user and system time, and those of children that have ended.
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  const own = (ticks / TICKS_PER_SECOND) * 1e6;
  return childrenOf(pid).reduce((sum, child) => sum + processorTimeOf(child), own);
}

/** The most memory that a process has had at once, and so its children, added up, in bytes. What they share counts for each. */
export function peakMemoryOf(pid: number): number {
  return treeOf(pid).reduce((sum, each) => sum + memoryOf(each, "VmHWM"), 0);
}

/** The memory that a process has now, without its children, in bytes. */
export function residentMemoryOf(pid: number): number {
  return memoryOf(pid, "VmRSS");
}

/** What the system says of one process: the most that it has had (`VmHWM`), or what it has now (`VmRSS`). */
function memoryOf(pid: number, field: "VmHWM" | "VmRSS"): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const [, kibibytes] = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status) ?? [];
  return Number(kibibytes ?? 0) * 1024;
}

/** A process and all that it started, by their ids. */
export function treeOf(pid: number): readonly number[] {
  return [pid, ...childrenOf(pid).flatMap(treeOf)];
}

/** Those that a process has started, by their ids. */
export function childrenOf(pid: number): number[] {
  const list = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  return list.split(" ").filter(Boolean).map(Number);
}

/** Processor time of each role since an earlier look, in microseconds. */
export class ProcessorTime {
  readonly #programs: readonly Counted[];
  readonly #before: readonly number[];

  constructor(programs: readonly Counted[]) {
    this.#programs = programs;
    this.#before = programs.map(({ pid }) => processorTimeOf(pid));
  }

  /** By role; programs of one role are added up. */
  since(): ReadonlyMap<string, number> {
    const byRole = new Map<string, number>();
    for (const [index, { role, pid }] of this.#programs.entries()) {
      const used = processorTimeOf(pid) - (this.#before[index] ?? 0);
      byRole.set(role, (byRole.get(role) ?? 0) + used);
    }
    return byRole;
  }
}
