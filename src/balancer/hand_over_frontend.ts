import { type Clock, Occupancy } from "../async/mod.ts";
import {
  type Address,
  hostOf,
  type Listener,
  listenPaused,
  NetError,
  type PausedSocket,
} from "../net/mod.ts";
import type { HandOver } from "../server/mod.ts";
import type { Backend } from "./backend.ts";
import { type Frontend, type FrontendHandler, MAX_TRIES } from "./frontend.ts";
import type { Pool } from "./pool.ts";

/** Options for {@linkcode startHandOverFrontend}. */
export interface HandOverFrontendOptions {
  readonly listen: Address;
  readonly pool: Pool;
  /** The way to a backend's process; undefined when it is gone. */
  readonly processOf: (backend: Backend) => HandOver | undefined;
  readonly handler?: FrontendHandler;
  /** @default {systemClock} */
  readonly clock?: Clock;
}

/**
 * Listens and hands every accepted connection to the process of a backend; none of its bytes passes through this one.
 * Resolves when it listens.
 *
 * @throws {NetError}
 */
export async function startHandOverFrontend(options: HandOverFrontendOptions): Promise<Frontend> {
  const frontend = new HandOverFrontend(options);
  await frontend.listen();
  return frontend;
}

class HandOverFrontend implements Frontend {
  readonly #options: HandOverFrontendOptions;
  #listener: Listener | undefined;
  readonly #inside = new Occupancy();
  #total = 0;
  #refused = 0;
  #closing: Promise<void> | undefined;

  constructor(options: HandOverFrontendOptions) {
    this.#options = options;
  }

  get address(): Address {
    return this.#listener?.address ?? this.#options.listen;
  }

  get connections(): number {
    return this.#inside.count;
  }

  get total(): number {
    return this.#total;
  }

  get refused(): number {
    return this.#refused;
  }

  async listen(): Promise<void> {
    const { listen, handler } = this.#options;
    this.#listener = await listenPaused(listen, (socket) => this.#take(socket), {
      onError: (error, context) => handler?.error?.(error, context),
    });
  }

  close(graceMs = 0): Promise<void> {
    this.#closing ??= this.#drain(graceMs);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** The connections are the children's, who drain them; here they are only waited for. */
  async #drain(graceMs: number): Promise<void> {
    await this.#listener?.close();
    const late = Promise.withResolvers<void>();
    await Promise.race([this.#inside.emptied(graceMs, late.resolve, this.#options.clock), late.promise]);
  }

  #take(socket: PausedSocket): void {
    this.#total += 1;
    this.#inside.enter();
    this.#dispatch(socket, new Set());
  }

  /** Hands the connection to a backend that was not tried for it before. */
  #dispatch(socket: PausedSocket, tried: Set<Backend>): void {
    const { pool, processOf, handler } = this.#options;
    const host = hostOf(socket.remote);
    while (tried.size < MAX_TRIES) {
      const lease = pool.acquire({ host }, tried);
      if (!lease) break;
      const { backend } = lease;
      const failed = (): void => {
        pool.failed(lease);
        handler?.failed?.(backend, notTaken(backend));
        lease[Symbol.dispose]();
        tried.add(backend);
      };
      const isSent = processOf(backend)?.send(socket.native, {
        closed: () => {
          lease[Symbol.dispose]();
          this.#inside.leave();
        },
        returned: () => {
          failed();
          this.#dispatch(socket, tried);
        },
      });
      if (isSent) return;
      failed();
    }
    this.#refused += 1;
    handler?.refused?.(host, tried.size === 0 ? "no_backend" : "connect_failed");
    socket.abort();
    this.#inside.leave();
  }
}

function notTaken({ name }: Backend): NetError {
  return new NetError(
    "closed",
    `Cannot hand a connection to ${name}: its process has ended or takes no more`,
  );
}
