import process from "node:process";
import { DiscoveryError, StateFileError } from "../balancer/mod.ts";
import { BusError } from "../bus/mod.ts";
import { PresenceError, StoreError } from "../chat/mod.ts";
import { NetError } from "../net/mod.ts";
import { RedisError } from "../redis/mod.ts";
import { StartError, UsageError } from "./errors.ts";
import { stopLog, wordsOf } from "./log.ts";
import { guardOutput, writeLines } from "./output.ts";
import { checkRuntime, type Interruption, interruption } from "./process.ts";

/** A command: what `--help` lists, and what it does. */
export interface Command {
  readonly summary: string;
  /** Runs until it is done, or asked to end, and gives the exit code. @throws {UsageError} Exit code 2. */
  run(argv: readonly string[], interrupted: Interruption): Promise<number>;
}

/** Every command by name. Each is loaded when it is asked for, so that a role loads only what it uses. */
const COMMANDS: Readonly<Record<string, { readonly summary: string; load(): Promise<Command["run"]> }>> = {
  up: {
    summary: "the whole cluster on this machine: a balancer and chat servers (the default)",
    load: async () => (await import("./up.ts")).up,
  },
  chat: { summary: "one chat server", load: async () => (await import("./chat.ts")).chat },
  balance: { summary: "one balancer", load: async () => (await import("./balance.ts")).balance },
  client: { summary: "chat in the terminal", load: async () => (await import("./client.ts")).client },
  status: {
    summary: "backends, connections and heartbeats of a running balancer; --watch to follow",
    load: async () => (await import("./status.ts")).status,
  },
  connections: {
    summary: "the clients that a running balancer serves",
    load: async () => (await import("./connections.ts")).connections,
  },
  drain: {
    summary: "no new clients for a backend, a pool, a frontend or a chat server",
    load: async () => (await import("./control.ts")).drain,
  },
  undrain: {
    summary: "new clients for a backend, a pool or a chat server again",
    load: async () => (await import("./control.ts")).undrain,
  },
  weight: {
    summary: "change a backend's share of new clients",
    load: async () => (await import("./control.ts")).setWeight,
  },
  add: { summary: "add a backend", load: async () => (await import("./control.ts")).add },
  remove: { summary: "take a backend out", load: async () => (await import("./control.ts")).remove },
  sessions: {
    summary: "who is logged in on a running chat server",
    load: async () => (await import("./sessions.ts")).sessions,
  },
  kick: {
    summary: "close a session, or those of a user",
    load: async () => (await import("./sessions.ts")).kick,
  },
  announce: {
    summary: "tell everybody who is logged in",
    load: async () => (await import("./sessions.ts")).announce,
  },
  echo: {
    summary: "an echo server under one of the five server models, to try and to measure",
    load: async () => (await import("./echo.ts")).echo,
  },
};

/** Runs the program: the command that `argv` names, to its end. Never rejects; sets the exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  // Bun would go on after an unhandled rejection: on every runtime it is a bug that ends the process.
  process.on("unhandledRejection", (error) => {
    process.stderr.write(`chorus: internal error: ${error instanceof Error ? error.stack : String(error)}\n`);
    process.exit(1);
  });
  guardOutput();
  // Before anything else is loaded: a signal that comes while the program starts ends it in order, too.
  process.exitCode = await run(argv, interruption());
  await stopLog();
  // What is still open is not worth waiting for: every command has closed what it opened.
  process.exit();
}

async function run(argv: readonly string[], interrupted: Interruption): Promise<number> {
  try {
    await checkRuntime();
    const [first = "up", ...rest] = argv;
    if (first === "--help" || first === "-h" || first === "help") return await showHelp();
    if (first === "--version") return await showVersion();
    if (first.startsWith("-")) return await runCommand("up", argv, interrupted);
    return await runCommand(first, rest, interrupted);
  } catch (error) {
    return report(error);
  }
}

async function runCommand(name: string, argv: readonly string[], interrupted: Interruption): Promise<number> {
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command) {
    throw new UsageError(`"${name}" is not a command; there are ${Object.keys(COMMANDS).join(", ")}`);
  }
  const start = await command.load();
  return await start(argv, interrupted);
}

async function showHelp(): Promise<number> {
  const rows = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(13)}${summary}`);
  const lines = [
    "chorus [COMMAND] [FLAGS]",
    "",
    ...rows,
    "",
    "chorus COMMAND --help lists its flags; chorus --version tells what runs.",
  ];
  await writeLines(lines);
  return 0;
}

/** What a report of a mistake should name: the program, the runtime and the system. */
async function showVersion(): Promise<number> {
  const { default: about } = await import("../../package.json", { with: { type: "json" } });
  const { node, bun, deno } = process.versions;
  // Bun and Deno name a version of Node, too.
  const [runtime] = [deno && `Deno ${deno}`, bun && `Bun ${bun}`, `Node ${node}`].filter(Boolean);
  await writeLines([`chorus ${about.version} on ${runtime}, ${process.platform} ${process.arch}`]);
  return 0;
}

/** Says in one sentence what ended the program. @returns The exit code: 2 for a mistake of the user, 1 for the world's. */
function report(error: unknown): number {
  const isExpected =
    error instanceof NetError ||
    error instanceof RedisError ||
    error instanceof StoreError ||
    error instanceof PresenceError ||
    error instanceof BusError ||
    error instanceof DiscoveryError ||
    error instanceof StateFileError ||
    error instanceof StartError;
  if (error instanceof UsageError) {
    // It says itself what is wrong: its cause would say it again.
    process.stderr.write(`chorus: ${error.message}\n`);
    return 2;
  }
  const words = isExpected
    ? wordsOf(error)
    : `internal error: ${error instanceof Error ? error.stack : String(error)}`;
  process.stderr.write(`chorus: ${words}\n`);
  return 1;
}
