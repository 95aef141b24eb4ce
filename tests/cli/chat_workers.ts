/**
 * A chat server with several workers, as the tests use it.
 *
 * @module
 */
import type { Address } from "../../src/net/mod.ts";
import { DEADLINE_MS, RawClient } from "../helpers.ts";
import { childrenOf, getJson, type Program, partAddress, startProgram } from "./program.ts";

/** What `/health` says of one. */
export interface WorkersHealth {
  readonly healthy: boolean;
  readonly connections: number;
  readonly sessions: number;
  readonly workers: { readonly running: number; readonly of: number };
  readonly draining?: boolean;
}

/** A program that is ready. */
export interface Workers extends AsyncDisposable {
  readonly program: Program;
  readonly tcp: Address;
  readonly admin: string;
  /** Waits until `/health` is as it should be. */
  healthy(what: string, look: (health: WorkersHealth) => boolean): Promise<void>;
  /** The processes of its workers. */
  pids(): Promise<number[]>;
  /** Logs clients in, each on a worker of its own; in the order of their names. */
  oneEach(names: readonly string[]): Promise<RawClient[]>;
}

/** Starts `chorus chat --workers` with an admin server. */
export async function startWorkers(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Workers> {
  const free = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--id", "w", "--grace", "300ms"];
  const program = startProgram(["chat", ...free, ...args], { env });
  try {
    const ready = await program.ready();
    return workersOf(program, partAddress(ready, "tcp"), ready.admin ?? "");
  } catch (error) {
    await program[Symbol.asyncDispose]();
    throw error;
  }
}

function workersOf(program: Program, tcp: Address, admin: string): Workers {
  const clients: RawClient[] = [];
  return {
    program,
    tcp,
    admin,
    async healthy(what, look) {
      const endsAt = performance.now() + DEADLINE_MS;
      while (!look((await getJson(admin, "/health")) as WorkersHealth)) {
        if (performance.now() > endsAt)
          throw new Error(
            `never ${what}: ${JSON.stringify(await getJson(admin, "/health"))}\n${program.stderr}`,
          );
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    pids: () => childrenOf(program.pid),
    async oneEach(names) {
      const chosen = new Map<string, RawClient>();
      for (const name of names) {
        const client = await loginElsewhere(tcp, name, chosen, clients);
        chosen.set(serverOf(client), client);
      }
      return [...chosen.values()];
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) await client[Symbol.asyncDispose]();
      await program[Symbol.asyncDispose]();
    },
  };
}

/** Logs in again and again until the system has chosen a worker that has nobody yet. */
async function loginElsewhere(
  tcp: Address,
  name: string,
  taken: ReadonlyMap<string, RawClient>,
  clients: RawClient[],
): Promise<RawClient> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const client = await RawClient.login(tcp, name);
    if (!taken.has(serverOf(client))) {
      clients.push(client);
      return client;
    }
    await client[Symbol.asyncDispose]();
  }
  throw new Error(`${name} always comes to one of ${[...taken.keys()]}`);
}

/** The worker that a client is logged in on. */
export function serverOf(client: RawClient): string {
  return String(client.frames.find(({ server }) => server !== undefined)?.server);
}
