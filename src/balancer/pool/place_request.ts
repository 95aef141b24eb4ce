import type { Client } from "../contract.ts";
import type { Backend } from "./backend.ts";

/** What one who waits for a place asks for. */
export interface PlaceRequest {
  readonly client: Client;
  /** Who has been tried for this client. */
  readonly except: ReadonlySet<Backend>;
}
