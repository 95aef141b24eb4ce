import type { Clock } from "../../async/mod.ts";
import {
  type Address,
  formatAddress,
  hostOf,
  listenPaused,
  NetError,
  type PausedSocket,
} from "../../net/mod.ts";
import type { HandOver } from "../../server/mod.ts";
import type { Backend } from "../pool/backend.ts";
import type { Lease, Pool } from "../pool/pool.ts";
import { type AccessSettings, checkAccess } from "./access.ts";
import { MAX_TRIES } from "./dispatch.ts";
import { closingOf, type Frontend, type FrontendHandler } from "./frontend.ts";
import { Reception, type Stay } from "./reception.ts";
import { Refusal } from "./refusal.ts";

/** Options for {@linkcode startHandOverFrontend}. */
export interface HandOverFrontendOptions {
  /** @default {the address where it listens, as `HOST:PORT`} */
  readonly name?: string | undefined;
  readonly listen: Address;
  readonly pool: Pool;
  /** The way to a backend's process; undefined when it is gone. */
  readonly processOf: (backend: Backend) => HandOver | undefined;
  /** Who may come. @default {everybody} */
  readonly access?: AccessSettings | undefined;
  readonly handler?: FrontendHandler | undefined;
  /** @default {systemClock} */
  readonly clock?: Clock | undefined;
}

/** A frontend that hands its clients over. */
export interface HandOverFrontend extends Frontend {
  readonly access: AccessSettings;
  /** Replaces who may come, from the next client on. @throws {RangeError} when a limit is none; nothing is changed then. */
  configure(access: AccessSettings): void;
}

/**
 * Listens and hands every accepted connection to the process of a backend; none of its bytes passes through this one. Resolves when
 * it listens.
 *
 * So it can do nothing for which it would have to read: no TLS, no PROXY header in either direction, no key, no splicing timeouts. Its
 * clients are not in the table of connections: their bytes are not counted, nobody here can close or move one, and when it closes or
 * something drains they are their process's to end, which has to be told. It cannot be sent to another pool. It knows when they come
 * and go, and so counts and limits them, in all and by address, and lets wait those for whom all backends are full.
 *
 * @throws {NetError} As {@linkcode Driver.listen}.
 * @throws {RangeError} when a limit is none.
 */
export async function startHandOverFrontend(options: HandOverFrontendOptions): Promise<HandOverFrontend> {
  const { listen, pool, access = {}, handler, clock } = options;
  checkAccess("start frontend", access);
  const reception = new Reception(access, handler);
  const dispatcher = new HandOverDispatcher(options, reception);
  const listener = await listenPaused(listen, (socket) => dispatcher.take(socket), reception.listenOptions);
  return {
    // The connections are the children's, who drain them; here they are only waited for.
    ...closingOf({ listener, reception, endAll: () => dispatcher.sendAway(), clock }),
    name: options.name ?? formatAddress(listener.address),
    address: listener.address,
    pool,
    served: new Set(),
    counters: reception.counters,
    get access() {
      return reception.access;
    },
    get connections() {
      return reception.inside.count;
    },
    get isDraining() {
      return reception.isDraining;
    },
    configure(changed) {
      checkAccess("configure frontend", changed);
      reception.access = changed;
    },
  };
}

/** A client who is to be handed over. */
interface Guest {
  readonly socket: PausedSocket;
  readonly stay: Stay;
  readonly tried: Set<Backend>;
}

class HandOverDispatcher {
  readonly #options: HandOverFrontendOptions;
  readonly #reception: Reception;
  /** Aborted when nobody waits for a backend any more. */
  readonly #closing = new AbortController();

  constructor(options: HandOverFrontendOptions, reception: Reception) {
    this.#options = options;
    this.#reception = reception;
  }

  take(socket: PausedSocket): void {
    const stay = this.#reception.enter(hostOf(socket.remote));
    const guest = { socket, stay, tried: new Set<Backend>() };
    const refusal = stay.judgePresence() ?? stay.admit(stay.host) ?? stay.judgeRoom();
    if (refusal) this.#refuse(guest, refusal);
    else this.#dispatch(guest);
  }

  /** Refuses those who wait; the others are their processes' to end. */
  sendAway(): false {
    this.#closing.abort(new Error("the frontend is closed"));
    return false;
  }

  /** Hands the connection to a backend that was not tried for it before. */
  #dispatch(guest: Guest): void {
    const { pool } = this.#options;
    const { stay, tried } = guest;
    while (tried.size < MAX_TRIES) {
      const lease = pool.acquire({ host: stay.host }, tried);
      if (!lease) {
        // Owned by the count of clients: it ends with the wait.
        void this.#queue(guest);
        return;
      }
      if (this.#send(guest, lease)) return;
    }
    this.#refuse(guest, new Refusal("connect_failed", `${tried.size} processes were tried`));
  }

  async #queue(guest: Guest): Promise<void> {
    const { pool } = this.#options;
    const { stay, tried } = guest;
    // A socket that nobody reads does not tell when it is closed: only the queue's limit and the frontend's end the wait.
    const { signal } = this.#closing;
    const lease = await pool
      .wait({ host: stay.host }, { except: tried, signal })
      .catch((error: unknown) => this.#giveUp(error));
    if (lease instanceof Refusal) this.#refuse(guest, lease);
    else if (typeof lease === "string") this.#refuse(guest, new Refusal(lease));
    else if (!lease) this.#refuse(guest, nobody(pool, tried.size));
    else if (!this.#send(guest, lease)) this.#dispatch(guest);
  }

  #giveUp(error: unknown): Refusal {
    if (!this.#closing.signal.aborted)
      this.#options.handler?.error?.(error, { during: "wait for a backend" });
    return new Refusal("draining");
  }

  /** Hands the connection to the process of the leased backend; false when that does not take it. */
  #send(guest: Guest, lease: Lease): boolean {
    const { pool, processOf, handler } = this.#options;
    const { backend } = lease;
    const failed = (): void => {
      pool.failed(lease);
      handler?.failed?.(backend, notTaken(backend));
      lease[Symbol.dispose]();
      guest.tried.add(backend);
    };
    const isSent = processOf(backend)?.send(guest.socket.native, {
      closed() {
        pool.connected(lease);
        lease[Symbol.dispose]();
        guest.stay[Symbol.dispose]();
      },
      reset() {
        failed();
        guest.stay[Symbol.dispose]();
      },
      returned: () => {
        failed();
        this.#dispatch(guest);
      },
    });
    if (!isSent) failed();
    return isSent === true;
  }

  #refuse({ socket, stay }: Guest, refusal: Refusal): void {
    stay.refuse(refusal);
    socket.abort();
    stay[Symbol.dispose]();
  }
}

function nobody({ isDraining }: Pool, tried: number): Refusal {
  if (tried > 0) return new Refusal("connect_failed", `${tried} processes were tried`);
  return new Refusal(isDraining ? "draining" : "no_backend");
}

function notTaken({ name }: Backend): NetError {
  return new NetError(
    "closed",
    `Cannot hand a connection to ${name}: its process has ended or takes no more`,
  );
}
