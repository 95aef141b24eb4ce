import type { Durability } from "../chat/mod.ts";
import { type Address, formatAddress, type TcpAddress } from "../net/mod.ts";
import { UsageError } from "./errors.ts";
import type { LimitChange } from "./role_flags.ts";
import type { TokenValues } from "./token_flags.ts";
import type { WebValues } from "./web_flags.ts";

/** What the flags of `chorus chat` came to. */
export interface ChatValues extends TokenValues, WebValues {
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
export function advertisedAddress({ listen, web, advertise, redis }: ChatValues): Address | undefined {
  if (advertise) return advertise;
  const unclear = [listen, web].find((where) => where !== "none" && !isOneHost(where));
  if (redis !== undefined && unclear !== undefined && unclear !== "none") {
    throw new UsageError(
      `--advertise: say where balancers reach a server that listens on ${formatAddress(unclear)}`,
    );
  }
  return undefined;
}

function isOneHost(where: Address): boolean {
  return "host" in where && where.host !== "0.0.0.0" && where.host !== "::";
}
