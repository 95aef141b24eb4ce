import type { Clock } from "../../async/mod.ts";
import type { Bus } from "../../bus/mod.ts";
import type { ChatCounters } from "../counters.ts";
import type { ChatLimits } from "../limits.ts";
import type { Store } from "../store/mod.ts";

/** What a server needs to deliver. */
export interface DeliveryContext {
  readonly store: Store;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly limits: ChatLimits;
  readonly counters: ChatCounters;
  readonly onError: (error: unknown, context: { readonly during: string }) => void;
  /** Something was seen that does not fit the history that sessions here know: they are to be compared with the store soon. */
  suspect(): void;
}
