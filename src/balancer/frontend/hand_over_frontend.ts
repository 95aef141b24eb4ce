import type { Clock } from "../../async/mod.ts";
import {
  type Address,
  formatAddress,
  hostOf,
  listenPaused,
  NetError,
  type PausedSocket,
} from "../../net/mod.ts";
import type { HandOver, HandOverHandler } from "../../server/mod.ts";
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

/** A client who is to be handed over, and then was. What it holds is all that is kept of it, so its socket is let go of when it is not needed. */
class Guest implements HandOverHandler {
  readonly stay: Stay;
  /** Until a process has taken it. */
  socket: PausedSocket | undefined;
  /** The processes that did not take it. */
  tried: ReadonlySet<Backend> = NOBODY;
  /** Its place on the process that is to have it. */
  lease: Lease | undefined;
  readonly #dispatcher: HandOverDispatcher;

  constructor(socket: PausedSocket, stay: Stay, dispatcher: HandOverDispatcher) {
    this.socket = socket;
    this.stay = stay;
    this.#dispatcher = dispatcher;
  }

  taken(): void {
    this.socket = undefined;
  }

  closed(): void {
    this.#dispatcher.closed(this);
  }

  reset(): void {
    this.#dispatcher.failed(this);
    this.stay[Symbol.dispose]();
  }

  returned(): void {
    this.#dispatcher.failed(this);
    this.#dispatcher.dispatch(this);
  }
}

const NOBODY: ReadonlySet<Backend> = new Set();

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
    const guest = new Guest(socket, stay, this);
    const refusal = stay.judgePresence() ?? stay.admit(stay.host) ?? stay.judgeRoom();
    if (refusal) this.#refuse(guest, refusal);
    else this.dispatch(guest);
  }

  /** Refuses those who wait; the others are their processes' to end. */
  sendAway(): false {
    this.#closing.abort(new Error("the frontend is closed"));
    return false;
  }

  /** Hands the connection to a backend that was not tried for it before. */
  dispatch(guest: Guest): void {
    const { pool } = this.#options;
    while (guest.tried.size < MAX_TRIES) {
      const lease = pool.acquire({ host: guest.stay.host }, guest.tried);
      if (!lease) {
        // Owned by the count of clients: it ends with the wait.
        void this.#queue(guest);
        return;
      }
      if (this.#send(guest, lease)) return;
    }
    this.#refuse(guest, nobody(pool, guest.tried.size));
  }

  /** It is over: what it had is given back. */
  closed({ stay, lease }: Guest): void {
    if (lease) this.#options.pool.connected(lease);
    lease?.[Symbol.dispose]();
    stay[Symbol.dispose]();
  }

  /** The process that was to have it did not take it. */
  failed(guest: Guest): void {
    const { pool, handler } = this.#options;
    const { lease } = guest;
    if (!lease) return;
    guest.lease = undefined;
    pool.failed(lease);
    handler?.failed?.(lease.backend, notTaken(lease.backend));
    lease[Symbol.dispose]();
    guest.tried = new Set([...guest.tried, lease.backend]);
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
    else if (!this.#send(guest, lease)) this.dispatch(guest);
  }

  #giveUp(error: unknown): Refusal {
    if (!this.#closing.signal.aborted)
      this.#options.handler?.error?.(error, { during: "wait for a backend" });
    return new Refusal("draining");
  }

  /** Hands the connection to the process of the leased backend; false when that does not take it. */
  #send(guest: Guest, lease: Lease): boolean {
    const { socket } = guest;
    guest.lease = lease;
    const isSent = socket && this.#options.processOf(lease.backend)?.send(socket.native, guest);
    if (!isSent) this.failed(guest);
    return isSent === true;
  }

  #refuse({ socket, stay }: Guest, refusal: Refusal): void {
    stay.refuse(refusal);
    socket?.abort();
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
