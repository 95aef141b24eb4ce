/**
 * Servers in processes of their own, to be killed and frozen, and clients who ask them who they are.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { withDeadline } from "../../src/async/mod.ts";
import { type Address, NetError, systemDriver } from "../../src/net/mod.ts";
import { DEADLINE_MS } from "../helpers.ts";
import { getJson } from "./program.ts";

const CHILD = fileURLToPath(new URL("backend_child.ts", import.meta.url));

/** A server in a process of its own. Disposing kills it. */
export interface BackendProcess extends AsyncDisposable {
  readonly name: string;
  /** Where it listens, as `HOST:PORT`. */
  readonly address: string;
  readonly pid: number;
  /** Kills it and waits for its end. */
  kill(): Promise<void>;
}

/** Starts a server. @param port Where it listens; 0 takes a free one. */
export async function backendProcess(name: string, port: number = 0): Promise<BackendProcess> {
  const program = process.versions.deno ? ["run", "-q", "-A", CHILD] : [...process.execArgv, CHILD];
  const child = spawn(process.execPath, [...program, name, String(port)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  child.stdin.on("error", () => undefined);
  const [line] = await withDeadline(once(child.stdout, "data"), DEADLINE_MS, `see the port of ${name}`);
  const pid = child.pid ?? -1;
  let isOver = false;
  async function kill(): Promise<void> {
    if (!isOver) process.kill(pid, "SIGKILL");
    isOver = true;
    await exited;
  }
  return {
    name,
    address: `127.0.0.1:${String(line).trim()}`,
    pid,
    kill,
    [Symbol.asyncDispose]: kill,
  };
}

/** What became of one client: the name it was told, or why it was not. */
export type Visit = { readonly name: string } | { readonly failure: string };

/** Connects, asks who is there, and leaves. Never rejects. */
export async function ask(address: Address, deadlineMs: number = DEADLINE_MS): Promise<Visit> {
  const answer = Promise.withResolvers<Visit>();
  let text = "";
  try {
    const connection = await systemDriver().connect(address, {
      data(_, chunk) {
        text += Buffer.from(chunk).toString("latin1");
        if (text.endsWith("\n")) answer.resolve({ name: text.trim() });
      },
      end: (ended) => ended.end(),
      close: (_, reason) => answer.resolve({ failure: `closed: ${reason}` }),
    });
    connection.write(Buffer.from("WHO\n"));
    try {
      return await withDeadline(answer.promise, deadlineMs, "hear who is there");
    } finally {
      connection.close();
    }
  } catch (error) {
    return { failure: error instanceof NetError ? error.code : String(error) };
  }
}

/** A backend as `/api/pools` shows it. */
export interface ShownBackend {
  readonly name: string;
  readonly state: string;
  readonly missed: number;
  readonly weight: number;
  readonly connections: number;
  readonly total: number;
  readonly source: string;
}

/** The backends of all pools, by name. */
export async function shownBackends(
  admin: string | undefined,
): Promise<Readonly<Record<string, ShownBackend>>> {
  const { pools } = (await getJson(admin, "/api/pools")) as { pools: { backends: ShownBackend[] }[] };
  return Object.fromEntries(pools.flatMap(({ backends }) => backends).map((shown) => [shown.name, shown]));
}
