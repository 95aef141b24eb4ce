import type { Clock } from "../../async/mod.ts";
import type { Driver } from "../../net/mod.ts";
import type { ConnectionTable } from "../connection/table.ts";
import type { FrontendHandler } from "../frontend/frontend.ts";
import type { SpliceFrontend, SpliceFrontendOptions } from "../frontend/splice_frontend.ts";
import type { Backend } from "../pool/backend.ts";
import type { ClientJudge } from "../pool/pool.ts";
import type { Drains } from "./drains.ts";

/** Told what failed that is no client's fault. Must not throw. */
export type Report = (error: unknown, context: { readonly during: string }) => void;

/** The way to servers that can be told more than by connections, as by the process that has started them. */
export interface Servers {
  /** The server of a backend is to end its clients within `graceMs`, as it does it best. Again: the newer time counts. */
  drain(backend: Backend, graceMs: number): void;
  /**
   * It takes clients, and those that it has may stay.
   *
   * @returns Resolves once the server knows, or never will: until then it may answer that it drains. Undefined where it was not the server that was told.
   */
  undrain(backend: Backend): Promise<void> | undefined;
  /** A backend has left, or is to: those who serve its clients elsewhere are to close them, spread over `overMs`. */
  dismiss?(backend: Backend, overMs: number): void;
}

/** Listens for streams: `startSpliceFrontend`, or what does as much. */
export type StartStream = (options: SpliceFrontendOptions) => Promise<SpliceFrontend>;

/** What all parts of one balancer share. */
export interface BalancerContext {
  readonly driver: Driver;
  /** What this balancer is called on the path of a client. */
  readonly nodeId: string;
  readonly clock: Clock;
  readonly table: ConnectionTable;
  readonly drains: Drains;
  readonly handler?: FrontendHandler | undefined;
  readonly report: Report;
  /** Absent where backends are known by their connections alone. */
  readonly servers?: Servers | undefined;
  /** @default {startSpliceFrontend} */
  readonly startStream?: StartStream | undefined;
  /** Judges backends instead, which are then neither probed nor held here. */
  readonly judge?: ClientJudge | undefined;
}

/** What tells the servers of backends to end their clients within so many milliseconds; undefined where they cannot be told. */
export function tellerOf(
  servers: Servers | undefined,
  backends: Iterable<Backend>,
): ((graceMs: number) => void) | undefined {
  if (!servers) return undefined;
  return (graceMs) => {
    for (const backend of backends) servers.drain(backend, graceMs);
  };
}
