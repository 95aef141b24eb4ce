import type { Clock } from "../../async/mod.ts";
import { type Address, hostOf, listenPaused, NetError, type PausedSocket } from "../../net/mod.ts";
import type { HandOver } from "../../server/mod.ts";
import type { Backend } from "../backend.ts";
import type { Pool } from "../pool.ts";
import { type Frontend, type FrontendHandler, frontendOf, MAX_TRIES, Reception } from "./frontend.ts";

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
  const { listen, handler, clock } = options;
  const reception = new Reception(handler);
  const dispatcher = new HandOverDispatcher(options, reception);
  const listener = await listenPaused(listen, (socket) => dispatcher.take(socket), reception.listenOptions);
  // The connections are the children's, who drain them; here they are only waited for.
  return frontendOf({ listener, reception, clock });
}

class HandOverDispatcher {
  readonly #options: HandOverFrontendOptions;
  readonly #reception: Reception;

  constructor(options: HandOverFrontendOptions, reception: Reception) {
    this.#options = options;
    this.#reception = reception;
  }

  take(socket: PausedSocket): void {
    this.#reception.enter();
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
          this.#reception.leave();
        },
        returned: () => {
          failed();
          this.#dispatch(socket, tried);
        },
      });
      if (isSent) return;
      failed();
    }
    this.#reception.refuse(host, tried.size);
    socket.abort();
    this.#reception.leave();
  }
}

function notTaken({ name }: Backend): NetError {
  return new NetError(
    "closed",
    `Cannot hand a connection to ${name}: its process has ended or takes no more`,
  );
}
