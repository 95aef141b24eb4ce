import type { Clock } from "../../async/mod.ts";
import type { Driver } from "../../net/mod.ts";
import type { ConnectionTable } from "../connection/table.ts";
import type { FrontendHandler } from "../frontend/frontend.ts";
import type { Drains } from "./drains.ts";

/** Told what failed that is no client's fault. Must not throw. */
export type Report = (error: unknown, context: { readonly during: string }) => void;

/** What all parts of one balancer share. */
export interface BalancerContext {
  readonly driver: Driver;
  /** What this balancer is called on the path of a client. */
  readonly nodeId: string;
  readonly clock: Clock;
  readonly table: ConnectionTable;
  readonly drains: Drains;
  readonly handler: FrontendHandler | undefined;
  readonly report: Report;
}
