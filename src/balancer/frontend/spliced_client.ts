import {
  type Address,
  type Connection,
  formatAddress,
  NetError,
  type Splice,
  type SpliceOptions,
  type SpliceResult,
  splice,
} from "../../net/mod.ts";
import type { ServedClient, Traffic } from "../connection/contract.ts";
import type { EndReason } from "../end_reason.ts";
import type { Backend } from "../pool/backend.ts";
import type { Arrival } from "./arrival.ts";
import type { Dispatched } from "./dispatch.ts";

/** Where a client is served, by names. */
export interface Place {
  readonly frontend: string;
  readonly pool: string;
}

/** A client whose connection is spliced with that of its backend; it is its own traffic. */
export class SplicedClient implements ServedClient, Traffic {
  readonly frontend: string;
  readonly pool: string;
  readonly backend: Backend;
  readonly transport: "tcp" | "tls";
  readonly #ends: readonly [client: Connection, backend: Connection];
  readonly #splice: Splice;
  readonly #headBytes: number;
  readonly #source: Address;

  /** Passes on what was read of the client before, then all that comes. */
  constructor(
    { frontend, pool }: Place,
    arrival: Arrival,
    { lease, connection }: Dispatched,
    options: SpliceOptions,
  ) {
    this.frontend = frontend;
    this.pool = pool;
    this.backend = lease.backend;
    this.#source = arrival.route.source;
    this.transport = arrival.transport;
    this.#ends = [arrival.connection, connection];
    this.#headBytes = arrival.head.length;
    if (arrival.head.length > 0) connection.write(arrival.head);
    this.#splice = splice(arrival.connection, connection, options);
  }

  /** Made when it is asked for: the address is there anyhow. */
  get client(): string {
    return formatAddress(this.#source);
  }

  get traffic(): Traffic {
    return this;
  }

  get bytesIn(): number {
    return this.#headBytes + this.#splice.bytesFromA;
  }

  get bytesOut(): number {
    return this.#splice.bytesFromB;
  }

  get activeAt(): number {
    return this.#splice.activeAt;
  }

  close(): void {
    for (const connection of this.#ends) connection.close();
  }

  abort(): void {
    for (const connection of this.#ends) connection.abort();
  }
}

/** Why a splice of a client (a) and a backend (b) is over. What we ended ourselves has its own reason, which goes before this one. */
export function endReasonOf({
  reason,
  side,
  error,
}: Pick<SpliceResult, "reason" | "side" | "error">): EndReason {
  switch (reason) {
    case "finished":
    case "idle_timeout":
    case "half_close_timeout":
      return reason;
    case "reset":
      if (error instanceof NetError && error.code === "timeout")
        return side === "a" ? "client_lost" : "backend_lost";
      return side === "a" ? "client_reset" : "backend_reset";
    case "closed":
    case "aborted":
    case "failed":
      return "failed";
  }
}
