/**
 * The program as people run it: a process of its own, on any of the three runtimes, ended with the test.
 *
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { withDeadline } from "../../src/async/mod.ts";
import type { Address } from "../../src/net/mod.ts";
import { DEADLINE_MS, toAddress } from "../helpers.ts";
import { RUNTIME } from "../testing.ts";

/** The folder of `mod.ts`. */
export const ROOT: string = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const BIN = join(ROOT, "node_modules", ".bin");

/** Tests do within a second what a client may do in minutes; those of the limits set them by `--limit`. */
const NO_LIMITS = {
  CHORUS_LIMIT: "messages=off register=off logins=off connections=off",
  // Of the users whom tests make each would cost a twelfth of a second.
  CHORUS_PASSWORD_COST: "10",
  // Its default port is one for all that run at the same time; those that are about it say which.
  CHORUS_WEB: "none",
};

/** A runtime's name. */
export type RuntimeName = typeof RUNTIME;

/** How each runtime runs the program. */
const ARGUMENTS: Readonly<Record<RuntimeName, readonly string[]>> = {
  node: ["mod.ts"],
  bun: ["run", "mod.ts"],
  deno: ["run", "-q", "-P", "mod.ts"],
};

/** The program of a runtime: the very one that runs the test, or the installed one of another. */
function programOf(runtime: RuntimeName): string {
  return runtime === RUNTIME ? process.execPath : join(BIN, runtime);
}

/** A running program. Disposing kills it and its children. */
export interface Program extends AsyncDisposable {
  readonly pid: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The parts of the ready line, once it has come. @throws {Error} when the program ends before. */
  ready(): Promise<Readonly<Record<string, string>>>;
  /** Waits until standard output and error together hold a text. */
  says(text: string): Promise<void>;
  /** Looks at what it has said, now and whenever it says more, until there is what is looked for. */
  until<T>(what: string, look: () => T | undefined): Promise<T>;
  /** Writes to standard input. */
  type(text: string): void;
  /** Ends standard input. */
  endInput(): void;
  /** Reads standard error no longer, as a log collector that has ended. */
  closeErrors(): void;
  signal(signal: "SIGTERM" | "SIGINT" | "SIGKILL" | "SIGSTOP" | "SIGHUP"): void;
  /** The exit code, or the signal that ended it. */
  readonly exited: Promise<number | string>;
  /** Waits for the end, but not for ever. */
  end(): Promise<number | string>;
}

/** The size of a terminal, in characters. */
export interface Window {
  readonly columns: number;
  readonly rows: number;
}

/** Options for {@linkcode startProgram}. */
export interface ProgramOptions {
  readonly runtime?: RuntimeName;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Gives it a terminal, by util-linux' `script`; both of its outputs are then `stdout`. @default {false} */
  readonly hasTerminal?: boolean;
  /** The size of that terminal. @default {unknown} */
  readonly window?: Window;
  /** A file that it writes to instead of `stdout`. @default {none} */
  readonly output?: string;
  /** How many files it may open. @default {what the test may} */
  readonly maxFiles?: number;
}

/** Starts `chorus` with arguments. */
export function startProgram(args: readonly string[], options: ProgramOptions = {}): Program {
  const { runtime = RUNTIME } = options;
  const words = [programOf(runtime), ...ARGUMENTS[runtime], ...args];
  const limited = options.maxFiles === undefined ? words : withFiles(options.maxFiles, words);
  const written = options.output === undefined ? limited : intoFile(options.output, limited);
  const [command = "", ...rest] = options.hasTerminal ? inTerminal(written, options.window) : written;
  const child = spawn(command, rest, {
    cwd: options.cwd ?? ROOT,
    env: {
      ...(options.hasTerminal ? withoutColorRules(process.env) : process.env),
      ...NO_LIMITS,
      ...options.env,
    },
    stdio: ["pipe", "pipe", "pipe"],
  });
  return new RunningProgram(child, args);
}

/** What a person's terminal has not: under CI these decide about colors, whatever the terminal can. */
function withoutColorRules(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { CI, TEAMCITY_VERSION, FORCE_COLOR, NODE_DISABLE_COLORS, COLORTERM, TMUX, ...rest } = env;
  return rest;
}

/** The shell that `script` starts, whichever it is, becomes the program: a signal to its child is one to the program. */
function inTerminal(words: readonly string[], window: Window | undefined): string[] {
  const size = window ? `stty columns ${window.columns} rows ${window.rows} && ` : "";
  const line = `${size}exec ${words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ")}`;
  return ["script", "--quiet", "--return", "--command", line, "/dev/null"];
}

function withFiles(most: number, words: readonly string[]): string[] {
  return ["sh", "-c", `ulimit -n ${most} && exec "$0" "$@"`, ...words];
}

function intoFile(file: string, words: readonly string[]): string[] {
  return ["sh", "-c", `exec "$0" "$@" >'${file}'`, ...words];
}

class RunningProgram implements Program {
  stdout = "";
  stderr = "";
  readonly exited: Promise<number | string>;
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #waiting = new Set<() => void>();

  constructor(child: ChildProcess, args: readonly string[]) {
    this.#child = child;
    this.#name = `chorus ${args.join(" ")}`;
    this.exited = new Promise((resolve) =>
      child.on("close", (code, signal) => resolve(signal ?? code ?? -1)),
    );
    // A character may come in two pieces.
    child.stdout?.setEncoding("utf8");
    child.stderr?.setEncoding("utf8");
    child.stdout?.on("data", (chunk) => {
      this.stdout += chunk;
      this.#look();
    });
    child.stderr?.on("data", (chunk) => {
      this.stderr += chunk;
      this.#look();
    });
    // Writing to a program that has ended is no failure of the test.
    child.stdin?.on("error", () => undefined);
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  async ready(): Promise<Readonly<Record<string, string>>> {
    const line = await this.until(
      "its ready line",
      () => /^chorus \S+ ready (?<parts>.*)\n/.exec(this.stdout)?.groups?.parts,
    );
    return Object.fromEntries(
      line.split(" ").map((part) => part.split(/=(.*)/s).slice(0, 2) as [string, string]),
    );
  }

  async says(text: string): Promise<void> {
    await this.until(`"${text}"`, () => (this.stdout + this.stderr).includes(text) || undefined);
  }

  type(text: string): void {
    this.#child.stdin?.write(text);
  }

  closeErrors(): void {
    this.#child.stderr?.destroy();
  }

  endInput(): void {
    this.#child.stdin?.end();
  }

  signal(signal: "SIGTERM" | "SIGINT" | "SIGKILL" | "SIGSTOP" | "SIGHUP"): void {
    process.kill(this.pid, signal);
  }

  end(): Promise<number | string> {
    return withDeadline(this.exited, DEADLINE_MS, `see the end of ${this.#name}\n${this.stderr}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const children = await childrenOf(this.pid);
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      try {
        process.kill(this.pid, "SIGKILL");
      } catch {
        // It has ended just now.
      }
    }
    for (const pid of children) if (isAlive(pid)) process.kill(pid, "SIGKILL");
    await this.exited;
  }

  #look(): void {
    for (const check of [...this.#waiting]) check();
  }

  async until<T>(what: string, look: () => T | undefined): Promise<T> {
    const found = new Promise<T>((resolve, reject) => {
      const check = (): void => {
        const value = look();
        if (value === undefined) return;
        this.#waiting.delete(check);
        resolve(value);
      };
      this.#waiting.add(check);
      check();
      void this.exited.then((code) =>
        reject(new Error(`${this.#name} ended with ${code} before ${what}\n${this.stderr}`)),
      );
    });
    const said = () => `\nstdout: ${this.stdout}\nstderr: ${this.stderr}`;
    return await withDeadline(found, DEADLINE_MS, `see ${what} of ${this.#name}`).catch((error: Error) => {
      throw new Error(error.message + said(), { cause: error });
    });
  }
}

/** Whether a process runs. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** The processes that a process has started, by their ids, with their command lines. */
export async function childrenOf(pid: number): Promise<number[]> {
  const { execFileSync } = await import("node:child_process");
  const table = execFileSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" });
  return table
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number))
    .filter(([, parent]) => parent === pid)
    .map(([child]) => child ?? -1);
}

/** Gives the terminal of a program another size, as who sits before it does by the mouse. */
export async function resize(program: Program, { columns, rows }: Window): Promise<void> {
  const { execFileSync } = await import("node:child_process");
  const [inside] = await childrenOf(program.pid);
  const terminal = execFileSync("ps", ["-o", "tty=", "-p", String(inside)], { encoding: "utf8" }).trim();
  execFileSync("stty", ["-F", `/dev/${terminal}`, "columns", String(columns), "rows", String(rows)]);
}

/** Asks an admin server. */
export async function getJson(admin: string | undefined, path: string): Promise<unknown> {
  const response = await fetch(`http://${admin}${path}`);
  return await response.json();
}

/** The address in a part of a ready line. */
export function partAddress(parts: Readonly<Record<string, string>>, name: string): Address {
  const part = parts[name];
  if (part === undefined) throw new Error(`the ready line has no ${name}`);
  return toAddress(part);
}
