import type { ClosingReason, EndReason } from "../end_reason.ts";
import type { Backend } from "../pool/backend.ts";

/** What moves between a client and its backend: a splice of two streams, or the datagrams of a session. */
export interface Traffic {
  /** Bytes from the client so far. */
  readonly bytesIn: number;
  /** Bytes to the client so far. */
  readonly bytesOut: number;
  /** When the last bytes moved, on the table's clock. */
  readonly activeAt: number;
  /** Ends it in order where it can be: what is under way is delivered first. */
  close(): void;
  /** Ends it now. */
  abort(): void;
}

/** A client that is served. */
export interface ServedClient {
  /** The frontend that it came by. */
  readonly frontend: string;
  /** The pool that serves it. */
  readonly pool: string;
  /** Who serves it. */
  readonly backend: Backend;
  /** Where the client is, as `HOST:PORT`. */
  readonly client: string;
  /** What carries it. */
  readonly transport: "tcp" | "tls" | "udp";
  /** @internal */
  readonly traffic: Traffic;
}

/** A client that is served, in the table of all such. */
export interface TableEntry extends ServedClient {
  /** Names it among all of this process: `c` and its number, to the base of 36. */
  readonly id: string;
  /** Its number in the order in which clients came, from 1 on. */
  readonly serial: number;
  /** When it was connected, on the table's clock. */
  readonly openedAt: number;
  /** `closing` once {@linkcode end} was called, `over` once it has left the table. */
  readonly state: "open" | "closing" | "over";
  /**
   * Ends it for our own reason: closes it in order, and aborts it when it is not over 10 s later. Only the first reason counts; does
   * nothing when it is over.
   */
  end(reason: ClosingReason): void;
  /** It is over: it leaves the table and is counted on its backend. The reason of {@linkcode end} goes before `reason`. Once. */
  over(reason: EndReason): EndReason;
}

/** Some of the entries of a table, in the order in which they came. To be looked at at once: the table may change. */
export interface TableEntries extends Iterable<TableEntry> {
  readonly size: number;
}

/** Who is looked for in a table. What is absent excludes nobody. */
export interface TableFilter {
  readonly pool?: string | undefined;
  /** A backend's name. */
  readonly backend?: string | undefined;
  readonly frontend?: string | undefined;
  readonly minAgeMs?: number | undefined;
  readonly minIdleMs?: number | undefined;
}

/** How far the closing of a set of connections has come. */
export interface SpreadProgress {
  /** Connections when it began, and those that are left. */
  readonly total: number;
  readonly left: number;
  /** Milliseconds until the last one will be closed; 0 when it is over. */
  readonly remainingMs: number;
}
