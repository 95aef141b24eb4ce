import type { Address } from "../net/mod.ts";
import type { Backend } from "./backend.ts";

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
