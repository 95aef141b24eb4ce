import type { Clock } from "../../async/mod.ts";
import type { Driver } from "../../net/mod.ts";
import type { Registry } from "../../registry/mod.ts";
import type { StateFile } from "../configuration/state_file.ts";
import type { FrontendHandler } from "../frontend/frontend.ts";
import type { ClientJudge, Pool } from "../pool/pool.ts";
import type { Servers, StartStream } from "./context.ts";

/** Options for {@linkcode startBalancer}. */
export interface BalancerOptions {
  /** The sockets that it uses. */
  readonly driver: Driver;
  /** What this balancer is called on the path of a client: unique among all that may be tiers of each other. */
  readonly nodeId: string;
  /** The registry of every configuration, instead of one in a Redis. */
  readonly registry?: Registry | undefined;
  /** Gives the registry of a Redis; the same one each time it is asked for the same. */
  readonly registryAt?: ((redis: string) => Promise<Registry>) | undefined;
  /** Told of every pool that comes to be, before it has backends. Must not throw. */
  readonly onPool?: ((pool: Pool) => void) | undefined;
  /** Told of every client that was refused or is over. */
  readonly handler?: FrontendHandler | undefined;
  /** Told of every failure around it, with what was being done. Must not throw. */
  readonly onError: (error: unknown, context: { readonly during: string }) => void;
  /** @internal Told when backends drain, and then the ones to close their clients. @default {nobody: their connections are closed here} */
  readonly servers?: Servers | undefined;
  /** Keeps what is changed at run time. Absent: it is forgotten with the process. */
  readonly state?: StateFile | undefined;
  /** @internal Listens for streams instead, as where others serve them. @default {startSpliceFrontend} */
  readonly startStream?: StartStream | undefined;
  /** @internal Judges backends instead, which are then neither probed nor held here. @default {nobody} */
  readonly judge?: ClientJudge | undefined;
  /** The source of time. @default {systemClock} */
  readonly clock?: Clock | undefined;
}
