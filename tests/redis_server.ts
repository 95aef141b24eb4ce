import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

/** Options for {@linkcode redisServer}. */
export interface RedisServerOptions {
  /** More arguments for the program, such as `["--requirepass", "secret"]`. @default {[]} */
  args?: readonly string[];
  /** @default {"redis-server"} */
  program?: string;
}

/** A private Redis that keeps nothing unless `args` say so. Disposing kills it and removes its folder. */
export interface RedisServer extends AsyncDisposable {
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

/** Starts a real `redis-server` on a free port of the loopback, in a temporary folder of its own. */
export async function redisServer(options: RedisServerOptions = {}): Promise<RedisServer> {
  const { args = [], program = "redis-server" } = options;
  const folder = await mkdtemp(join(tmpdir(), "chorus-redis-"));
  try {
    for (let tries = 1; ; tries++) {
      const port = randomPort();
      const run = await start(program, port, folder, args);
      if (typeof run !== "string")
        return running(run, port, () => start(program, port, folder, args), folder);
      if (tries === 10 || !run.includes("in use")) throw new Error(`Cannot start redis-server: ${run}`);
    }
  } catch (error) {
    await rm(folder, { recursive: true });
    throw error;
  }
}

/** Below the range from which the system takes ports, so that no other socket is given this one while the server is down. */
function randomPort(): number {
  return 10_240 + Math.floor(Math.random() * 20_000);
}

/** @returns The process when it answers, or its last words. */
async function start(
  program: string,
  port: number,
  folder: string,
  args: readonly string[],
): Promise<ChildProcess | string> {
  const settings = ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", folder, "--save", "", ...args];
  const child = spawn(program, settings, { stdio: ["ignore", "pipe", "ignore"] });
  const { promise, resolve, reject } = Promise.withResolvers<ChildProcess | string>();
  let log = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    if (log.length < 10_000) log += text;
    if (log.includes("Ready to accept connections")) resolve(child);
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
): RedisServer {
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
      if (typeof next === "string") throw new Error(`Cannot start redis-server again: ${next}`);
      child = next;
    },
    async [Symbol.asyncDispose]() {
      process.removeListener("exit", killAtExit);
      await end("SIGKILL");
      await rm(folder, { recursive: true });
    },
  };
}
