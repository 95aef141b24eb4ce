import type { Connection, ConnectionHandler, TlsAccepted } from "../../net/mod.ts";
import { type ClientRoute, directRoute } from "./client_route.ts";
import type { Stay } from "./reception.ts";
import { Refusal } from "./refusal.ts";

const NOTHING = new Uint8Array();

/**
 * A client on its way from the door to a backend: what is known of it so far. Its connection is paused but while it is read.
 *
 * Every step of the way takes it on from the one before, and leaves what it has read in `head`.
 */
export class Arrival implements ConnectionHandler {
  readonly stay: Stay;
  /** The connection whose bytes are the client's own: after TLS, if it ends here. */
  connection: Connection;
  /** Bytes that were read and are still to be passed on. */
  head: Uint8Array = NOTHING;
  route: ClientRoute;
  /** What the client belongs to, for `key-hash`. */
  key: string | undefined;
  /** `tls` where TLS ends here. */
  transport: "tcp" | "tls" = "tcp";
  readonly #left = new AbortController();
  #isSentAway = false;

  constructor(connection: Connection, stay: Stay) {
    this.connection = connection;
    this.stay = stay;
    this.route = directRoute(connection);
  }

  /** Aborted when the client has left, or is not to be served any more. */
  get signal(): AbortSignal {
    return this.#left.signal;
  }

  /** Goes on inside of TLS, of which nothing has been read yet. */
  decrypt({ connection, serverName, alpn }: TlsAccepted): void {
    this.connection = connection;
    this.head = NOTHING;
    this.transport = "tls";
    this.route = { ...this.route, serverName, alpn };
    connection.pause();
    connection.handle(this);
  }

  /** Why a client whom nobody serves any more is not served. */
  farewell(): Refusal {
    return new Refusal(this.#isSentAway ? "draining" : "client_left");
  }

  /** Ends it before it was served: the frontend closes. */
  sendAway(): void {
    this.#isSentAway = true;
    this.#left.abort(new Error("the frontend is closed"));
    this.connection.abort();
  }

  /** Nothing is read here. */
  data(): undefined {
    return undefined;
  }

  close(): void {
    this.#left.abort(new Error("the client has left"));
  }
}
