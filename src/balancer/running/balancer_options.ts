import type { Clock } from "../../async/mod.ts";
import type { Driver } from "../../net/mod.ts";
import type { Registry } from "../../registry/mod.ts";
import type { StateFile } from "../configuration/state_file.ts";
import type { FrontendHandler } from "../frontend/frontend.ts";
import type { ClientJudge, Pool } from "../pool/pool.ts";
import type { Report, Servers, StartStream } from "./context.ts";

/** Options for {@linkcode startBalancer}. */
export interface BalancerOptions {
  readonly driver: Driver;
  /** What this balancer is called on the path of a client: unique among all that may be tiers of each other. */
  readonly nodeId: string;
  /** The registry of every configuration, instead of one in a Redis. */
  readonly registry?: Registry | undefined;
  /** Gives the registry of a Redis; the same one each time it is asked for the same. */
  readonly registryAt?: ((redis: string) => Promise<Registry>) | undefined;
  /** Told of every pool that comes to be, before it has backends. Must not throw. */
  readonly onPool?: ((pool: Pool) => void) | undefined;
  readonly handler?: FrontendHandler | undefined;
  readonly onError: Report;
  /** Told when backends drain, and then the ones to close their clients. @default {nobody: their connections are closed here} */
  readonly servers?: Servers | undefined;
  /** Keeps what is changed at run time. Absent: it is forgotten with the process. */
  readonly state?: StateFile | undefined;
  /** Listens for streams instead, as where others serve them. @default {startSpliceFrontend} */
  readonly startStream?: StartStream | undefined;
  /** Judges backends instead, which are then neither probed nor held here. @default {nobody} */
  readonly judge?: ClientJudge | undefined;
  /** @default {systemClock} */
  readonly clock?: Clock | undefined;
}
