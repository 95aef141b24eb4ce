import type { Clock } from "../../async/mod.ts";
import {
  type Address,
  type Connection,
  type ConnectionHandler,
  type Driver,
  hostOf,
  type Splice,
  splice,
} from "../../net/mod.ts";
import type { Backend } from "../backend.ts";
import type { Lease, Pool } from "../pool.ts";
import { type Frontend, type FrontendHandler, frontendOf, MAX_TRIES, Reception } from "./frontend.ts";

/** Options for {@linkcode startSpliceFrontend}. */
export interface SpliceFrontendOptions {
  readonly driver: Driver;
  readonly listen: Address;
  readonly pool: Pool;
  readonly handler?: FrontendHandler;
  /** The longest that connecting to a backend may take, in milliseconds. @default {5000} */
  readonly connectTimeoutMs?: number;
  /** How long nothing may pass in either direction, in milliseconds. @default {3600000} */
  readonly idleTimeoutMs?: number;
  /** How long the other direction may take once one has ended, in milliseconds. @default {30000} */
  readonly halfCloseTimeoutMs?: number;
  /** @default {systemClock} */
  readonly clock?: Clock;
}

/** Listens and splices every client with a backend of the pool. Resolves when it listens. @throws {NetError} */
export async function startSpliceFrontend(options: SpliceFrontendOptions): Promise<Frontend> {
  const { driver, listen, handler, clock } = options;
  const reception = new Reception(handler);
  const dispatcher = new SpliceDispatcher(options, reception);
  const listener = await driver.listen(
    listen,
    (client) => dispatcher.accept(client),
    reception.listenOptions,
  );
  return frontendOf({ listener, reception, clock, abortAll: () => dispatcher.abortAll() });
}

class SpliceDispatcher {
  readonly #options: SpliceFrontendOptions;
  readonly #reception: Reception;
  readonly #clients = new Set<Connection>();

  constructor(options: SpliceFrontendOptions, reception: Reception) {
    this.#options = options;
    this.#reception = reception;
  }

  abortAll(): void {
    for (const client of this.#clients) client.abort();
  }

  /** Nothing is read from a client before it has a backend. */
  accept(client: Connection): ConnectionHandler {
    client.pause();
    this.#clients.add(client);
    this.#reception.enter();
    const left = new AbortController();
    // Owned by the set of clients: it ends with the client.
    void this.#serve(client, left.signal).finally(() => this.#remove(client));
    return { data: ignore, close: () => left.abort(new Error("the client has left")) };
  }

  #remove(client: Connection): void {
    this.#clients.delete(client);
    this.#reception.leave();
  }

  async #serve(client: Connection, signal: AbortSignal): Promise<void> {
    const tried = new Set<Backend>();
    const host = hostOf(client.remote);
    while (tried.size < MAX_TRIES) {
      const lease = this.#options.pool.acquire({ host }, tried);
      if (!lease) break;
      try {
        const spliced = await this.#connect(client, lease, signal);
        if (spliced) {
          await spliced.closed;
          return;
        }
      } finally {
        lease[Symbol.dispose]();
      }
      if (signal.aborted) return;
      tried.add(lease.backend);
    }
    this.#reception.refuse(host, tried.size);
    client.abort();
  }

  async #connect(client: Connection, lease: Lease, signal: AbortSignal): Promise<Splice | undefined> {
    const { driver, pool, handler, connectTimeoutMs } = this.#options;
    try {
      const placeholder = { data: ignore, close: ignore };
      const backend = await driver.connect(lease.backend.address, placeholder, {
        signal,
        timeoutMs: connectTimeoutMs ?? 5000,
      });
      // At once: a server that speaks first may be heard as soon as anything else is awaited.
      return splice(client, backend, this.#options);
    } catch (error) {
      if (!signal.aborted) {
        pool.failed(lease);
        handler?.failed?.(lease.backend, error);
      }
      return undefined;
    }
  }
}

/** Until it is spliced, nothing of a connection is of interest but its end. */
function ignore(): undefined {
  return undefined;
}
