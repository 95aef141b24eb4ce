import { spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { Channel } from "./channel.ts";
import { type ChannelEnd, HAS_PIPE, processChannel } from "./process_channel.ts";

/** How a process ended: by itself with a code, or by a signal. */
export type Exit = { readonly code: number } | { readonly signal: string };

/** A child process with a channel. Whoever started it ends it. */
export interface Child {
  readonly pid: number;
  readonly channel: Channel;
  /** Settles when the process has ended. Never rejects. */
  readonly exited: Promise<Exit>;
  /** Sends a signal; does nothing when the process has ended. */
  kill(signal: "SIGTERM" | "SIGKILL" | "SIGSTOP" | "SIGCONT"): void;
}

/**
 * Starts a TypeScript module as a process of its own, on the runtime that runs this one and with its flags. Its standard
 * output is dropped, its standard error is ours.
 *
 * @param module The URL of the module, such as `import.meta.url`.
 * @throws {Error} When the system cannot start it.
 */
export async function startChild(module: string, args: readonly string[]): Promise<Child> {
  const child = spawn(process.execPath, [...runtimeArgs(module), ...args], {
    stdio: [HAS_PIPE ? "pipe" : "ignore", "ignore", "inherit", "ipc"],
    serialization: "advanced",
  });
  const { promise: exited, resolve: exit } = Promise.withResolvers<Exit>();
  child.once("exit", (code, signal) => exit(signal === null ? { code: code ?? 1 } : { signal }));
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (error) =>
      reject(new Error(`Cannot start a child process: ${error.message}`, { cause: error })),
    );
  });
  const { pid } = child;
  if (pid === undefined) throw new Error("Cannot start a child process: it has no process id");
  let running = true;
  void exited.then(() => {
    running = false;
  });
  return {
    pid,
    exited,
    channel: processChannel(child as unknown as ChannelEnd, {
      gone: exited,
      ...(child.stdin && { pipeOut: child.stdin }),
    }),
    kill(signal) {
      // Not child.kill: on Deno it marks the child as dead whatever the signal was.
      if (running) process.kill(pid, signal);
    },
  };
}

/** The arguments that make this runtime run `module` as it runs us. */
function runtimeArgs(module: string): string[] {
  const file = fileURLToPath(module);
  return process.versions.deno ? ["run", "-q", "-P", file] : [...process.execArgv, file];
}
