import { type ChildProcess, type StdioOptions, spawn } from "node:child_process";
import process from "node:process";
import type { Readable, Writable } from "node:stream";
import { setTimeout } from "node:timers";
import { fileURLToPath } from "node:url";
import { type ChannelEnd, HAS_PIPE, type ProcessChannelOptions, processChannel } from "./process_channel.ts";
import type { Exit, Worker } from "./worker.ts";

/** A child process with a channel. Whoever started it ends it. */
export interface Child extends Worker {
  readonly pid: number;
  readonly exited: Promise<Exit>;
  /** Sends a signal; does nothing when the process has ended. */
  kill(signal: "SIGTERM" | "SIGKILL" | "SIGSTOP" | "SIGCONT"): void;
}

/**
 * How the heap of a child grows: `usual`, as its runtime has it by default, or `sparing`, for one that holds much for long and makes little that is soon of no
 * use, such as who copies the bytes of very many connections. What the user has set for the runtime goes before it.
 */
export type Heap = "usual" | "sparing";

/**
 * Starts a TypeScript module as a process of its own, on the runtime that runs this one and with its flags. Its standard
 * output is dropped, its standard error is ours.
 *
 * @param module The URL of the module, such as `import.meta.url`.
 * @throws {Error} When the system cannot start it.
 */
export async function startChild(
  module: string,
  args: readonly string[],
  heap: Heap = "usual",
): Promise<Child> {
  const stdin = HAS_PIPE ? "pipe" : "ignore";
  const { native, pid } = await launch(module, args, [stdin, "ignore", "inherit", "ipc"], heap);
  return toChild(native, pid, native.stdin ? { pipeOut: native.stdin } : {});
}

/** A child process whose standard input and output are ours to use. */
export interface PipedChild extends Child {
  readonly stdin: Writable;
  readonly stdout: Readable;
}

/** Does what {@linkcode startChild} does, but leaves the child's standard input and output to the caller. */
export async function startPipedChild(module: string): Promise<PipedChild> {
  const { native, pid } = await launch(module, [], ["pipe", "pipe", "inherit", "ipc"]);
  const { stdin, stdout } = native;
  if (!stdin || !stdout) throw new Error("Cannot start a child process: it has no pipes");
  return { ...toChild(native, pid), stdin, stdout };
}

async function launch(
  module: string,
  args: readonly string[],
  stdio: StdioOptions,
  heap: Heap = "usual",
): Promise<{ readonly native: ChildProcess; readonly pid: number }> {
  const { flags, env } = heap === "sparing" ? SPARING : USUAL;
  const native = spawn(process.execPath, [...runtimeArgs(module, flags), ...args], {
    env: { ...env, ...process.env },
    stdio,
    serialization: "advanced",
  });
  await new Promise<void>((resolve, reject) => {
    native.once("spawn", resolve);
    native.once("error", (error) =>
      reject(new Error(`Cannot start a child process: ${error.message}`, { cause: error })),
    );
  });
  const { pid } = native;
  if (pid === undefined) throw new Error("Cannot start a child process: it has no process id");
  return { native, pid };
}

function toChild(native: ChildProcess, pid: number, options: ProcessChannelOptions = {}): Child {
  const { promise: exited, resolve: exit } = Promise.withResolvers<Exit>();
  let running = true;
  native.once("exit", (code, signal) => {
    running = false;
    endChannel(native);
    exit(signal === null ? { code: code ?? 1 } : { signal });
  });
  return {
    pid,
    exited,
    diesHanging: true,
    channel: processChannel(native as unknown as ChannelEnd, { gone: exited, ...options }),
    kill(signal) {
      if (running) signalTo(pid, signal);
    },
  };
}

/** Sends a signal to a process, if it is still there: on Deno 2.9 it may be gone some time before that is told. */
function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    // Not child.kill: on Deno it marks the child as dead whatever the signal was.
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** How long what a child sent before it ended may take to be read. */
const LAST_MESSAGES_MS = 1000;

/** Ends what on Deno 2.9 ends by itself only when the child had read all that was sent to it: else the channel stays open until it is collected. */
function endChannel(native: ChildProcess): void {
  const end = (): void => {
    if (native.connected) native.disconnect();
  };
  if (process.versions.deno !== undefined) setTimeout(end, LAST_MESSAGES_MS).unref();
}

/** What a runtime is told of a heap. */
interface HeapSettings {
  readonly flags: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const USUAL: HeapSettings = { flags: [], env: {} };
const SPARING: HeapSettings = sparing();

function sparing(): HeapSettings {
  // As if the machine had 32 MiB: JavaScriptCore's heap then grows by a quarter each time, not to twice its size.
  if (process.versions.bun) return { flags: [], env: { BUN_JSC_forceRAMSize: `${32 * 1024 * 1024}` } };
  // V8's young generation takes up to 48 MB by default, which is 5 kB for each of 9,000 connections; with semi-spaces of 4 MiB copying bytes takes no more time.
  const flag = "--max-semi-space-size=4";
  return { flags: [process.versions.deno ? `--v8-flags=${flag}` : flag], env: {} };
}

/** The arguments that make this runtime run `module` as it runs us. */
function runtimeArgs(module: string, flags: readonly string[]): string[] {
  const file = fileURLToPath(module);
  return process.versions.deno ? ["run", "-q", ...flags, "-P", file] : [...flags, ...process.execArgv, file];
}
