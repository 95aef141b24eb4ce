/** The rows of the lists as they come: what `picture.ts` makes of the views; what a role does not know is absent. */
import type { BackendView, DrainView, FrontendView, PoolView } from "../contract.ts";
import type { ServerView } from "../session_contract.ts";

/** What every row has. */
interface Keyed {
  readonly key: string;
}

/** A pool. */
export interface PoolRow extends Keyed, Omit<PoolView, "backends"> {}

/** A backend. */
export interface BackendRow
  extends Keyed,
    Omit<BackendView, "stateMs" | "risen" | "address" | "reported" | "connectTime"> {
  readonly pool: string;
  /** Clients that were connected to it, and how long that took in all. */
  readonly connected?: number;
  readonly connectSeconds?: number;
}

/** A frontend. */
export interface FrontendRow extends Keyed, FrontendView {}

/** A chat server. */
export interface ServerRow extends Keyed, ServerView {}

/** A drain. */
export interface DrainRow extends Keyed, DrainView {}
