import { type Clock, Occupancy } from "../../async/mod.ts";
import type { Address, Listener, ListenOptions } from "../../net/mod.ts";
import type { Backend } from "../backend.ts";

/** Why a client was not served. `no_backend`: none may take it. `connect_failed`: those that were tried refused. */
export type RefusalReason = "no_backend" | "connect_failed";

/** What a frontend tells. Every call is optional; none may throw. */
export interface FrontendHandler {
  /** A client was closed without having been served. */
  refused?(host: string, reason: RefusalReason): void;
  /** A backend could not be reached for a client; another one is tried. */
  failed?(backend: Backend, error: unknown): void;
  /** Something failed that is no client's and no backend's fault. */
  error?(error: unknown, context: { readonly during: string }): void;
}

/** An address that clients connect to, and what is behind it. */
export interface Frontend extends AsyncDisposable {
  /** Where it listens, with the real port. */
  readonly address: Address;
  /** Clients now, those that wait for a backend included. */
  readonly connections: number;
  /** Clients accepted since the start. */
  readonly total: number;
  /** Clients refused since the start. */
  readonly refused: number;
  /** Stops accepting, lets the clients finish for up to `graceMs`, then closes them. Idempotent: the first call decides. */
  close(graceMs?: number): Promise<void>;
}

/** Different backends that are tried for one client. */
export const MAX_TRIES = 3;

/** Counts the clients of a frontend, and tells of those that are refused. */
export class Reception {
  readonly inside: Occupancy = new Occupancy();
  readonly #handler: FrontendHandler | undefined;
  #total = 0;
  #refused = 0;

  constructor(handler: FrontendHandler | undefined) {
    this.#handler = handler;
  }

  get total(): number {
    return this.#total;
  }

  get refused(): number {
    return this.#refused;
  }

  /** What a listener is to report to. */
  get listenOptions(): ListenOptions {
    return { onError: (error, context) => this.#handler?.error?.(error, context) };
  }

  /** A client has come. */
  enter(): void {
    this.#total += 1;
    this.inside.enter();
  }

  /** A client is not served, after so many backends were tried; it is still to leave. */
  refuse(host: string, tries: number): void {
    this.#refused += 1;
    this.#handler?.refused?.(host, tries === 0 ? "no_backend" : "connect_failed");
  }

  /** A client has left. */
  leave(): void {
    this.inside.leave();
  }
}

/** What a frontend is made of. */
export interface FrontendParts {
  readonly listener: Listener;
  readonly reception: Reception;
  /** Ends the clients that are left when the grace is over. Absent where they are others' to end: then nobody waits for them. */
  readonly abortAll?: () => void;
  readonly clock: Clock | undefined;
}

/** Makes a frontend of something that listens. */
export function frontendOf({ listener, reception, abortAll, clock }: FrontendParts): Frontend {
  let closing: Promise<void> | undefined;

  async function drain(graceMs: number): Promise<void> {
    await listener.close();
    const late = Promise.withResolvers<void>();
    const emptied = reception.inside.emptied(graceMs, abortAll ?? late.resolve, clock);
    await Promise.race([emptied, late.promise]);
  }
  function close(graceMs = 0): Promise<void> {
    closing ??= drain(graceMs);
    return closing;
  }
  return {
    address: listener.address,
    get connections() {
      return reception.inside.count;
    },
    get total() {
      return reception.total;
    },
    get refused() {
      return reception.refused;
    },
    close,
    [Symbol.asyncDispose]: () => close(),
  };
}
