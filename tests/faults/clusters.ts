/**
 * Real clusters for the fault tests: programs that can be killed, on a data folder or on a Redis.
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { wait } from "../../src/async/mod.ts";
import { type Address, formatAddress } from "../../src/net/mod.ts";
import { isAlive, type Program, partAddress, type RuntimeName, startProgram } from "../cli/program.ts";
import { temporaryFolder } from "../helpers.ts";
import { redisServer } from "../redis_server.ts";

/** Limits that would be in the way of many users at one address. */
export const NO_LIMITS: readonly string[] = ["register", "messages", "connections", "logins"].flatMap(
  (name) => ["--limit", `${name}=off`],
);

/** Options for the clusters. */
export interface ClusterOptions {
  /** @default {2} */
  readonly servers?: number;
  /** For how long a server that is to end lets its clients leave. @default {"300ms"} */
  readonly grace?: string;
  /** The runtime of the `turn`th server. @default {that of the test} */
  readonly runtime?: (turn: number) => RuntimeName;
  /** More flags for every server. @default {[]} */
  readonly flags?: readonly string[];
}

/** A running cluster. Disposing kills what is left of it. */
export interface FaultCluster extends AsyncDisposable {
  /** Where clients of the `turn`th server connect. */
  at(turn: number): Address;
  /** Every address, that of the `turn`th server first. */
  from(turn: number): readonly [Address, ...Address[]];
  /** The process of a chat server, by the id that its logins bring. */
  pidOf(server: string): number;
  /** Sends a signal to a chat server, by the id that its logins bring; after `SIGKILL` waits until it is gone. */
  signal(server: string, signal: "SIGKILL" | "SIGSTOP" | "SIGCONT" | "SIGTERM"): Promise<void>;
}

/** A cluster whose servers are programs of their own. */
export interface ServerCluster extends FaultCluster {
  /** Starts a server that has ended again, at its old address. */
  restart(turn: number): Promise<void>;
  /** The program of the `turn`th server, `chat-1` first. */
  program(turn: number): Program;
}

/** A cluster that is one `chorus up`. */
export interface UpCluster extends FaultCluster {
  /** Where it serves operators, as `HOST:PORT`. */
  readonly admin: string;
  /** Kills the parent, waits until its children are gone and `pauseMs` longer, and starts it again on the same folder and port. */
  killParent(pauseMs?: number): Promise<void>;
  /** Sends a signal to the parent. */
  signalParent(signal: "SIGSTOP" | "SIGCONT"): void;
}

/** `chorus up` on a data folder of its own. Its children are started again by it when they die. */
export async function upCluster(options: ClusterOptions = {}): Promise<UpCluster> {
  const { servers = 2, flags = [], grace = "300ms", runtime } = options;
  const stack = new AsyncDisposableStack();
  const { path } = stack.use(temporaryFolder());
  let listen = "127.0.0.1:0";
  const start = (): Program =>
    startProgram(
      [
        ...["up", "--listen", listen, "--admin", "127.0.0.1:0", "--data", join(path, "data")],
        ...["--servers", `${servers}`, "--grace", grace, "--durable", "memory", ...NO_LIMITS, ...flags],
      ],
      runtime && { runtime: runtime(0) },
    );
  let up = start();
  stack.defer(() => up[Symbol.asyncDispose]());
  let parts = await orDispose(stack, up.ready());
  const tcp = partAddress(parts, "tcp");
  listen = formatAddress(tcp);
  return {
    get admin() {
      return parts.admin ?? "";
    },
    at: () => tcp,
    from: () => [tcp],
    pidOf: (server) => childByName(up.pid, server),
    async signal(server, signal) {
      const pid = childByName(up.pid, server);
      process.kill(pid, signal);
      if (signal === "SIGKILL") await gone([pid]);
    },
    signalParent: (signal) => void process.kill(up.pid, signal),
    async killParent(pauseMs = 0) {
      const children = childrenOf(up.pid).map(({ pid }) => pid);
      up.signal("SIGKILL");
      await up.end();
      await gone(children);
      await wait(pauseMs);
      up = start();
      parts = await up.ready();
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Options for {@linkcode serverCluster}. */
export interface ServerClusterOptions extends ClusterOptions {
  /** The store of the `turn`th server, such as the URL of a proxy before a Redis. */
  readonly redis: (turn: number) => string;
}

/** Programs `chorus chat` on one Redis: `chat-1`, `chat-2`, …. */
export async function serverCluster(options: ServerClusterOptions): Promise<ServerCluster> {
  const { servers = 2, flags = [], grace = "300ms", redis, runtime } = options;
  const stack = new AsyncDisposableStack();
  const start = (turn: number, listen: string): Program =>
    stack.use(
      startProgram(
        [
          ...["chat", "--listen", listen, "--id", `chat-${turn + 1}`, "--redis", redis(turn)],
          ...["--grace", grace, ...NO_LIMITS, ...flags],
        ],
        runtime && { runtime: runtime(turn) },
      ),
    );
  const programs = Array.from({ length: servers }, (_, turn) => start(turn, "127.0.0.1:0"));
  const tcp = await orDispose(
    stack,
    Promise.all(programs.map(async (program) => partAddress(await program.ready(), "tcp"))),
  );
  const at = (turn: number): Address => tcp[turn % tcp.length] ?? { path: "" };
  const program = (turn: number): Program => {
    const found = programs[turn];
    if (!found) throw new RangeError(`there is no server ${turn}`);
    return found;
  };
  return {
    at,
    from: (turn) => [at(turn), ...tcp.slice(1).map((_, index) => at(turn + index + 1))],
    program,
    pidOf: (server) => program(turnOf(server)).pid,
    async signal(server, signal) {
      const found = program(turnOf(server));
      process.kill(found.pid, signal);
      if (signal === "SIGKILL") await found.end();
    },
    async restart(turn) {
      programs[turn] = start(turn, formatAddress(at(turn)));
      await programs[turn]?.ready();
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

function turnOf(server: string): number {
  return Number(server.slice("chat-".length)) - 1;
}

/** The stores that a fault is tried on. */
export const STORES = ["sqlite", "redis"] as const;

/** A cluster on a store of its own. */
export async function startCluster(
  store: (typeof STORES)[number],
  options: ClusterOptions = {},
): Promise<FaultCluster> {
  if (store === "sqlite") return await upCluster(options);
  const stack = new AsyncDisposableStack();
  const { url } = stack.use(await redisServer());
  const cluster = stack.use(await orDispose(stack, serverCluster({ ...options, redis: () => url })));
  return { ...cluster, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** Waits for what needs the stack; a failure leaves nothing behind. */
async function orDispose<T>(stack: AsyncDisposableStack, promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

interface Child {
  readonly pid: number;
  readonly command: string;
}

function childrenOf(parent: number): Child[] {
  const table = execFileSync("ps", ["-A", "-o", "pid=,ppid=,args="], { encoding: "utf8" });
  return table.split("\n").flatMap((line) => {
    const {
      pid,
      ppid,
      command = "",
    } = /^\s*(?<pid>\d+)\s+(?<ppid>\d+)\s+(?<command>.*)$/.exec(line)?.groups ?? {};
    return Number(ppid) === parent ? [{ pid: Number(pid), command }] : [];
  });
}

function childByName(parent: number, id: string): number {
  const child = childrenOf(parent).find(({ command }) => command.includes(`--id ${id}`));
  if (!child) throw new Error(`there is no child ${id}`);
  return child.pid;
}

/** Resolves when no process has these ids. A signal is no event for anybody but the parent, so it is looked for. */
async function gone(pids: readonly number[]): Promise<void> {
  while (pids.some(isAlive)) await wait(5);
}
