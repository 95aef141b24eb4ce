import {
  type Accept,
  type Address,
  adopt,
  type Connection,
  type ConnectionHandler,
  type Listener,
  systemDriver,
} from "../../net/mod.ts";
import { MAX_WAITING, type OnError } from "./contract.ts";
import { Turns } from "./turns.ts";

/** How one connection is served. */
export interface Serving {
  readonly handler: ConnectionHandler;
  /** Holds its place for longer than the connection lasts. Never rejects. */
  readonly ended?: Promise<void>;
}

/** Options for {@linkcode Reactor}. */
export interface ReactorOptions {
  /** Connections that are served at once; others wait, unread. */
  readonly places: number;
  /** Begins to serve a connection, which it may pause. */
  readonly serve: (connection: Connection) => Serving;
  readonly onError: OnError;
  /** Called when the number of connections has changed. */
  readonly onChange?: () => void;
}

/** A handler for whoever is not served. */
export const NOBODY: ConnectionHandler = { data: () => undefined, close: () => undefined };

/** An event loop and the connections that it was given, from accept to close. */
export class Reactor {
  readonly #options: ReactorOptions;
  readonly #served = new Map<Connection, Serving>();
  readonly #turns: Turns<Connection>;
  #listener: Listener | undefined;

  constructor(options: ReactorOptions) {
    this.#options = options;
    const serve = (connection: Connection): boolean => this.#begin(connection);
    this.#turns = new Turns({ places: options.places, maxWaiting: MAX_WAITING, serve });
  }

  /** Connections that have a place. */
  get connections(): number {
    return this.#turns.taken;
  }

  /** Listens, and takes every connection that comes. @returns The real address. @throws {NetError} */
  async listen(address: Address, { reusePort = false }: { reusePort?: boolean } = {}): Promise<Address> {
    const { onError } = this.#options;
    const listening = { onError, onOver: this.#over, reusePort };
    this.#listener = await systemDriver().listen(address, this.#accept, listening);
    return this.#listener.address;
  }

  /** Takes a connection that was accepted elsewhere. */
  adopt(native: Parameters<typeof adopt>[0], onOver: () => void): void {
    const over = (connection: Connection): void => {
      this.#over(connection);
      onOver();
    };
    adopt(native, this.#accept, { onError: this.#options.onError, onOver: over });
  }

  /** Stops listening, resets those that wait, and aborts what is left after `graceMs`. Resolves when every place is free. */
  async close(graceMs: number): Promise<void> {
    await this.#listener?.close();
    const timer = setTimeout(() => this.abort(), graceMs);
    await this.#turns.close();
    clearTimeout(timer);
  }

  /** Aborts every connection. */
  abort(): void {
    for (const connection of this.#served.keys()) connection.abort();
  }

  readonly #accept: Accept = (connection) => {
    connection.pause();
    this.#turns.add(connection);
    return this.#served.get(connection)?.handler ?? NOBODY;
  };

  #begin(connection: Connection): boolean {
    connection.resume();
    try {
      const serving = this.#options.serve(connection);
      this.#served.set(connection, serving);
      connection.handle(serving.handler);
    } catch (thrown) {
      // Its place is free when it is over, as any other's.
      this.#served.set(connection, { handler: NOBODY });
      connection.abort();
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      this.#options.onError(error, { during: "handler" });
    }
    this.#options.onChange?.();
    return true;
  }

  readonly #over = (connection: Connection): void => {
    this.#turns.forget(connection);
    const serving = this.#served.get(connection);
    if (!serving || !this.#served.delete(connection)) return;
    // Owned by whoever serves: it settles with what serves the connection.
    if (serving.ended !== undefined) void serving.ended.then(() => this.#leave());
    else this.#leave();
  };

  #leave(): void {
    this.#turns.leave();
    this.#options.onChange?.();
  }
}
