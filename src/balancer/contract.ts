/** What a policy may know of a backend. */
export interface Candidate {
  /** Unique in its pool: `HOST:PORT`. */
  readonly name: string;
  /** Its share of the clients compared with others; more than 0, may be fractional. */
  readonly weight: number;
  /** The part of its weight that counts now, more than 0 and at most 1: less than 1 while it starts slowly. */
  readonly ramp: number;
  /** Connections it has now, those being dialed included. */
  readonly active: number;
  /** Whether it may take a client now. */
  readonly available: boolean;
}

/** What a policy may know of a client. */
export interface Client {
  /** The client's address without its port. */
  readonly host: string;
  /** What its first bytes say it belongs to, such as a user or a server's name: for `key-hash`. Absent where nothing was found or asked. */
  readonly key?: string | undefined;
}

/**
 * Chooses a backend for a client. Told of every change, so that picking never looks at the whole pool.
 *
 * A small state machine, pure and without I/O. It never gives a backend that is not available or in `except`.
 */
export interface Policy<B extends Candidate = Candidate> {
  /** Whether it wants to be told of every change of `active`, too. */
  readonly countsConnections: boolean;
  /** A backend that has come to be there. */
  add(backend: B): void;
  /** One that is there no more. */
  remove(backend: B): void;
  /** The weight, the ramp or the availability of `backend`, or `active` if it is counted, is another one than at the last call about it. */
  change(backend: B): void;
  /** Undefined when no backend may take the client. */
  pick(client: Client, except: ReadonlySet<B>): B | undefined;
}

/** The names of the policies. */
export type PolicyName =
  | "round-robin"
  | "weighted"
  | "ip-hash"
  | "least-connections"
  | "two-choices"
  | "random"
  | "key-hash";

/** What `/api/pools` shows of a backend. */
export type BackendState = "up" | "suspect" | "down" | "draining" | "disabled";

/** Where the key of a client is looked for, in its first bytes. */
export type KeySource =
  /** The server name of a TLS ClientHello. */
  | { readonly from: "sni" }
  /** The path of an HTTP/1 request, without its query. */
  | { readonly from: "http-path" }
  /** A header of an HTTP/1 request. */
  | { readonly from: "http-header"; readonly name: string }
  /** A field of the JSON object that is the first line, such as the `name` of a chat login. */
  | { readonly from: "json"; readonly field: string };
