import {
  type Address,
  formatAddress,
  NetError,
  type Splice,
  type SpliceHandler,
  type SpliceOptions,
  type SpliceResult,
  splice,
} from "../../net/mod.ts";
import type { ServedClient, TableEntry, Traffic } from "../connection/contract.ts";
import type { ConnectionTable } from "../connection/table.ts";
import type { EndReason } from "../end_reason.ts";
import type { Backend } from "../pool/backend.ts";
import type { Lease } from "../pool/pool.ts";
import type { Arrival } from "./arrival.ts";
import type { Dispatched } from "./dispatch.ts";
import type { Stay } from "./reception.ts";

/** Who serves a client. */
export interface Service {
  /** The frontend's name. */
  readonly name: string;
  /** A client is over. Once. */
  over(client: SplicedClient, reason: EndReason): void;
}

/** A client whose connection is spliced with that of its backend; it is its own traffic, and holds no more of its arrival than it needs. */
export class SplicedClient implements ServedClient, Traffic, SpliceHandler {
  readonly pool: string;
  readonly transport: "tcp" | "tls";
  /** What is to be given back when it is over. */
  readonly lease: Lease;
  readonly stay: Stay;
  /** Where it stands in the table. */
  readonly entry: TableEntry;
  /** Those beside it in its service. */
  before: SplicedClient | undefined;
  after: SplicedClient | undefined;
  readonly #service: Service;
  readonly #splice: Splice;
  readonly #headBytes: number;
  readonly #source: Address;

  /** Enters the table and passes on what was read of the client before, then all that comes. */
  constructor(
    service: Service,
    table: ConnectionTable,
    arrival: Arrival,
    { pool, lease, connection }: Dispatched,
    options: SpliceOptions,
  ) {
    this.#service = service;
    this.pool = pool;
    this.lease = lease;
    this.stay = arrival.stay;
    this.#source = arrival.route.source;
    this.transport = arrival.transport;
    this.#headBytes = arrival.head.length;
    this.entry = table.add(this);
    if (arrival.head.length > 0) connection.write(arrival.head);
    this.#splice = splice(arrival.connection, connection, options, this);
  }

  get frontend(): string {
    return this.#service.name;
  }

  get backend(): Backend {
    return this.lease.backend;
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
    this.#splice.closeBoth();
  }

  abort(): void {
    this.#splice.abortBoth();
  }

  spliceClosed(result: SpliceResult): void {
    this.#service.over(this, endReasonOf(result));
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
