/**
 * What a running balancer says of itself, kept by hand: pools that change as they are told, behind a real admin server.
 *
 * @module
 */
import {
  type AdminServer,
  AdminToken,
  type BackendView,
  type ConnectionView,
  type Control,
  type DrainView,
  type FrontendView,
  type Outcome,
  type PoolView,
  startAdmin,
} from "../../src/admin/mod.ts";
import type { Interruption } from "../../src/cli/process.ts";
import { formatAddress } from "../../src/net/mod.ts";
import { type Program, type ProgramOptions, startProgram } from "./program.ts";

/** Nobody interrupts. */
export const NEVER: Interruption = {
  asked: new Promise(() => undefined),
  onSecond: () => undefined,
  onHangUp: () => undefined,
};

type Changing<T> = { -readonly [K in keyof T]: T[K] };

/** A backend that can be changed. */
export type DeskBackend = Changing<BackendView>;

/** A backend that is up. */
export function backendNamed(name: string, more: Partial<BackendView> = {}): DeskBackend {
  const counts = { missed: 0, weight: 1, connections: 0, total: 0 };
  return { name, state: "up", ...counts, source: "config", backup: false, ...more };
}

/** Everything that can be asked of an admin server, answered from plain lists. */
export class Desk implements AsyncDisposable {
  /** The backends by pool. */
  readonly pools: Map<string, DeskBackend[]> = new Map();
  readonly frontends: Changing<FrontendView>[] = [];
  connections: ConnectionView[] = [];
  drains: DrainView[] = [];
  /** More that `/health` says, each under its name. */
  details: Readonly<Record<string, unknown>> = {};
  /** Every change as it came, with its deadline. */
  readonly told: unknown[] = [];
  #admin: AdminServer | undefined;

  /** Starts its admin server on a free port. */
  static async open(pools: Readonly<Record<string, DeskBackend[]>>, tokenFile?: string): Promise<Desk> {
    const desk = new Desk();
    for (const [name, backends] of Object.entries(pools)) desk.pools.set(name, backends);
    const token = tokenFile === undefined ? undefined : AdminToken.open(tokenFile);
    if (typeof token === "string") throw new Error(token);
    const listen = { host: "127.0.0.1", port: 0 };
    desk.#attach(await startAdmin({ listen, control: desk.#control(), token }));
    return desk;
  }

  /** Where it is, as `HOST:PORT`. */
  get address(): string {
    if (!this.#admin) throw new Error("not open");
    return formatAddress(this.#admin.address);
  }

  /** Runs a command with `--admin` set to it. */
  start(args: readonly string[], options: ProgramOptions = {}): Program {
    return startProgram([...args, "--admin", this.address], options);
  }

  /** Runs a command to its end. */
  async run(args: readonly string[], options: ProgramOptions = {}): Promise<Ended> {
    await using program = this.start(args, options);
    const code = await program.end();
    return { code, stdout: program.stdout, stderr: program.stderr };
  }

  /** Stops its admin server. Closing again does nothing. */
  async close(): Promise<void> {
    await this.#admin?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #attach(admin: AdminServer): void {
    this.#admin = admin;
  }

  #control(): Control {
    return {
      health: () => ({ healthy: true, role: "balance", ...this.details }),
      pools: () => [...this.pools].map(([name, backends]) => this.#pool(name, backends)),
      frontends: () => this.frontends,
      connections: ({ backend }, limit) =>
        this.connections.filter((one) => backend === undefined || one.backend === backend).slice(0, limit),
      drains: () => this.drains,
      addBackend: (pool, { address, ...more }) =>
        this.#change(pool, "add", (backends) => {
          const added = backendNamed(formatAddress(address), { source: "admin", ...more });
          if (backends.some(({ name }) => name === added.name))
            return { ok: false, status: 409, error: `pool ${pool} has ${added.name} already` };
          backends.push(added);
          return { ok: true, value: added };
        }),
      changeBackend: (pool, name, { weight, state, deadlineMs }) =>
        this.#change(pool, [name, deadlineMs], (backends) => {
          const found = backends.find((one) => one.name === name);
          if (!found) return { ok: false, status: 404 };
          found.weight = weight ?? found.weight;
          found.state = state === "enabled" ? "up" : (state ?? found.state);
          return { ok: true, value: found };
        }),
      removeBackend: (pool, name, { deadlineMs }) =>
        this.#change(pool, ["remove", name, deadlineMs], (backends) => {
          const index = backends.findIndex((one) => one.name === name);
          if (index < 0) return { ok: false, status: 404 };
          backends.splice(index, 1);
          return { ok: true };
        }),
      changePool: (pool, { state, deadlineMs }) =>
        this.#change(pool, [state, deadlineMs], (backends) => {
          for (const one of backends) one.state = state === "enabled" ? "up" : state;
          return { ok: true };
        }),
      changeFrontend: (name, { state }) => {
        const found = this.frontends.find((one) => one.name === name);
        if (!found) return { ok: false, status: 404 };
        found.draining = state === "draining";
        return { ok: true };
      },
    };
  }

  #pool(name: string, backends: readonly DeskBackend[]): PoolView {
    const draining = backends.length > 0 && backends.every(({ state }) => state === "draining");
    return { name, policy: "round-robin", dispatch: "splice", backends, draining, queued: 0 };
  }

  #change(pool: string, told: unknown, change: (backends: DeskBackend[]) => Outcome): Outcome {
    const backends = this.pools.get(pool);
    if (!backends) return { ok: false, status: 404 };
    this.told.push(told);
    return change(backends);
  }
}

/** A command that is over. */
export interface Ended {
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}
