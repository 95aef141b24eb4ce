import type { Accounts } from "../account/accounts.ts";
import type { LoginTurns } from "../account/login_turns.ts";
import type { DeliveryContext } from "../delivery/delivery_context.ts";
import type { PresenceFeed } from "../presence/presence_feed.ts";
import type { SignalRoutes } from "../requests/signal_routes.ts";
import type { RequestFailures } from "./request_failures.ts";
import type { Session } from "./session.ts";

/** What a chat server lends to its sessions. */
export interface SessionContext extends DeliveryContext {
  /** The server's id, as clients see it. */
  readonly server: string;
  readonly accounts: Accounts;
  readonly presence: PresenceFeed;
  readonly signals: SignalRoutes;
  readonly logins: LoginTurns;
  /** What sessions that are over still do, such as storing their last acknowledgement. Rejects never. */
  readonly leaving: Set<Promise<void>>;
  /** Told of every request that could not be done. */
  readonly failures: RequestFailures;
  /** A client has logged in and was answered. */
  loggedIn(session: Session): void;
  /** Counts one account of an address, and gives for how long it has to wait until it may make one: 0 when it may now. */
  registerWaitMs(host: string): number | Promise<number>;
  /** What the server tells balancers of itself. */
  status(): ServerStatus;
}

/** What a `pong` says to a trusted address. */
export interface ServerStatus {
  readonly connections: number;
  /** The connections it can hold; 0 when nobody has said. */
  readonly capacity: number;
  readonly draining: boolean;
}
