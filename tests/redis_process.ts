/**
 * Real processes of `redis-server`, as a server, a sentinel or a node of a cluster.
 *
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after } from "node:test";

export { redisCommand } from "./redis_command.ts";

/** Options for {@linkcode redisProcess}. */
export interface RedisProcessOptions {
  /** @default {"redis-server"} */
  program?: string;
  /** The arguments, and what has to be there before it starts, once its port and folder are known. */
  prepare(port: number, folder: string): readonly string[] | Promise<readonly string[]>;
  /** What it logs when it can be used. */
  readyText: string;
}

/** A process that listens on a port of the loopback. Disposing kills it and removes its folder. */
export interface RedisProcess extends AsyncDisposable {
  /** `redis://127.0.0.1:PORT`; it stays the same over restarts. */
  readonly url: string;
  readonly port: number;
  /** Where it runs and keeps its files. */
  readonly folder: string;
  /** The process id of the current run. */
  readonly pid: number;
  /** Sends a signal, such as `SIGSTOP`; does not wait for what it does. */
  kill(signal: NodeJS.Signals): void;
  /** Shuts it down as an operator would. Resolves when the process is gone. */
  stop(): Promise<void>;
  /** Starts it again on the same port and folder, after killing it if it runs. Resolves when it answers. */
  restart(): Promise<void>;
}

/** Starts a process on a free port, in a temporary folder of its own. */
export async function redisProcess(options: RedisProcessOptions): Promise<RedisProcess> {
  const { program = "redis-server" } = options;
  const folder = await mkdtemp(join(tmpdir(), "chorus-redis-"));
  try {
    for (let tries = 1; ; tries++) {
      const port = randomPort();
      const args = await options.prepare(port, folder);
      const startAgain = (): Promise<ChildProcess | string> => start(program, args, options.readyText);
      const run = await startAgain();
      if (typeof run !== "string") return running(run, port, startAgain, folder);
      if (tries === 10 || !run.includes("in use")) throw new Error(`Cannot start ${program}: ${run}`);
    }
  } catch (error) {
    await rm(folder, { recursive: true });
    throw error;
  }
}

/** Something that is started for the first test of a file that asks for it, and closed after the last. */
export function shared<T extends AsyncDisposable>(start: () => Promise<T>): () => Promise<T> {
  let started: Promise<T> | undefined;
  after(async () => (await started)?.[Symbol.asyncDispose]());
  return () => {
    started ??= start();
    return started;
  };
}

/**
 * Asks again and again until the answer is what is waited for. Only for programs that tell nobody when they are ready.
 *
 * @throws {Error} After the deadline.
 */
export async function redisReady(
  what: string,
  isReady: () => Promise<boolean>,
  deadlineMs: number = 20_000,
): Promise<void> {
  const end = performance.now() + deadlineMs;
  let last: unknown;
  while (performance.now() < end) {
    try {
      if (await isReady()) return;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`Cannot wait any longer: ${what}`, { cause: last });
}

/** Below the range from which the system takes ports, so that no other socket is given this one while nobody listens there. */
export function randomPort(): number {
  return 10_240 + Math.floor(Math.random() * 10_000);
}

/** @returns The process when it answers, or its last words. */
async function start(
  program: string,
  args: readonly string[],
  readyText: string,
): Promise<ChildProcess | string> {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "ignore"] });
  const { promise, resolve, reject } = Promise.withResolvers<ChildProcess | string>();
  let log = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    if (log.length < 10_000) log += text;
    if (log.includes(readyText)) resolve(child);
  });
  child.once("exit", () => resolve(log));
  child.once("error", (cause) =>
    reject(new Error(`Cannot start ${program}: is it installed? Run \`npm run setup\``, { cause })),
  );
  return await promise;
}

function running(
  first: ChildProcess,
  port: number,
  startAgain: () => Promise<ChildProcess | string>,
  folder: string,
): RedisProcess {
  let child = first;
  const killAtExit = (): void => kill("SIGKILL");
  process.once("exit", killAtExit);

  function isAlive(): boolean {
    return child.exitCode === null && child.signalCode === null;
  }
  // Not child.kill: on Deno that takes the child for dead at once, whatever the signal.
  function kill(signal: NodeJS.Signals): void {
    if (isAlive() && child.pid !== undefined) process.kill(child.pid, signal);
  }
  async function end(signal: NodeJS.Signals): Promise<void> {
    if (!isAlive()) return;
    const exited = once(child, "exit");
    kill(signal);
    await exited;
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    folder,
    get pid() {
      return child.pid ?? 0;
    },
    kill,
    stop: () => end("SIGTERM"),
    async restart() {
      await end("SIGKILL");
      const next = await startAgain();
      if (typeof next === "string") throw new Error(`Cannot start it again: ${next}`);
      child = next;
    },
    async [Symbol.asyncDispose]() {
      process.removeListener("exit", killAtExit);
      await end("SIGKILL");
      await rm(folder, { recursive: true });
    },
  };
}
