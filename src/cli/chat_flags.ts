import type { Durability } from "../chat/mod.ts";
import { type Address, formatAddress, type TcpAddress } from "../net/mod.ts";
import { UsageError } from "./errors.ts";
import type { LimitChange } from "./role_flags.ts";
import type { TokenValues } from "./token_flags.ts";

/** What the flags of `chorus chat` came to. */
export interface ChatValues extends TokenValues {
  readonly listen: Address;
  readonly admin: TcpAddress | "none";
  readonly "admin-token": string | undefined;
  readonly id: string | undefined;
  readonly advertise: Address | undefined;
  readonly weight: number;
  readonly capacity: number;
  readonly workers: number | undefined;
  readonly "worker-kind": "processes" | "threads";
  readonly "max-connections": number | undefined;
  readonly redis: string | undefined;
  readonly data: string;
  readonly durable: Durability | undefined;
  readonly trusted: readonly string[];
  readonly limit: readonly LimitChange[];
  readonly "password-cost": number;
  readonly grace: number;
  readonly log: "json" | "text" | undefined;
  readonly "log-level": "debug" | "info" | "warning" | "error";
}

/** One store, and one that can be as durable as asked for: a folder has no replica. @throws {UsageError} */
export function checkStore(
  { durable, redis }: { readonly durable: Durability | undefined; readonly redis: string | undefined },
  given: ReadonlySet<string>,
): void {
  if (redis !== undefined && given.has("data")) throw new UsageError("give --redis or --data, not both");
  if (durable === "replica" && redis === undefined) {
    throw new UsageError("--durable: replica needs --redis; a data folder offers memory or disk");
  }
}

/** Where others reach a server that listens here; undefined: where it listens. @throws {UsageError} When nobody could tell. */
export function advertisedAddress({ listen, advertise, redis }: ChatValues): Address | undefined {
  if (advertise) return advertise;
  const isEverywhere = "host" in listen && (listen.host === "0.0.0.0" || listen.host === "::");
  if (redis !== undefined && (isEverywhere || "path" in listen)) {
    throw new UsageError(
      `--advertise: say where balancers reach a server that listens on ${formatAddress(listen)}`,
    );
  }
  return undefined;
}
