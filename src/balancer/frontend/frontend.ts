import type { Clock } from "../../async/mod.ts";
import type { Address, Listener } from "../../net/mod.ts";
import type { ServedClient, TableEntries } from "../connection/contract.ts";
import type { FrontendCounters } from "../counters.ts";
import type { EndReason, RefusalReason } from "../end_reason.ts";
import type { Backend } from "../pool/backend.ts";
import type { Pool } from "../pool/pool.ts";
import type { Reception } from "./reception.ts";

/** What a frontend tells. Every call is optional; none may throw. Each client is told of once: as refused, or as ended. */
export interface FrontendHandler {
  /**
   * A client was closed without having been served.
   *
   * @param host Its address without its port: its own, where a PROXY header has told it.
   * @param detail A clause with what was found and what is allowed, where there is more to say than the reason.
   */
  refused?(host: string, reason: RefusalReason, detail?: string): void;
  /** A client that was served has gone. */
  ended?(client: ServedClient, reason: EndReason): void;
  /** A backend could not be reached for a client; another one is tried. */
  failed?(backend: Backend, error: unknown): void;
  /** Something failed that is no client's and no backend's fault. */
  error?(error: unknown, context: { readonly during: string }): void;
}

/** An address that clients connect to, and what is behind it. */
export interface Frontend extends AsyncDisposable {
  /** Unique among the frontends of a balancer. */
  readonly name: string;
  /** Where it listens, with the real port. */
  readonly address: Address;
  /** Where new clients go. */
  readonly pool: Pool;
  /** What it has counted. */
  readonly counters: FrontendCounters;
  /** Clients now, those that wait for a backend included. */
  readonly connections: number;
  /** @internal Those of its clients that are in the table. Changes with them. */
  readonly served: TableEntries;
  /** Whether it has stopped accepting. */
  readonly isDraining: boolean;
  /** Where others serve its clients: tells them to end these within `withinMs`. @default {absent: they are served here} */
  readonly endClients?: ((withinMs: number) => void) | undefined;
  /** Stops accepting, for good; its clients go on. Resolves when its address is free. Idempotent. */
  drain(): Promise<void>;
  /** Stops accepting, lets the clients finish for up to `graceMs`, then ends them. Idempotent: the first call decides. */
  close(graceMs?: number): Promise<void>;
}

/** What has to end with a frontend. */
export interface ClosingParts {
  readonly listener: Listener;
  readonly reception: Reception;
  /** Called when the grace is over: ends those that are left. False when some of them are others' to end: nobody waits for these. */
  readonly endAll: () => boolean;
  readonly clock: Clock | undefined;
}

/** How a frontend ends. */
export type Closing = Pick<Frontend, "drain" | "close" | typeof Symbol.asyncDispose>;

/** Makes the end of a frontend, which is the same for all. */
export function closingOf({ listener, reception, endAll, clock }: ClosingParts): Closing {
  let closing: Promise<void> | undefined;

  async function drain(): Promise<void> {
    reception.isDraining = true;
    await listener.close();
  }
  async function empty(graceMs: number): Promise<void> {
    await drain();
    const late = Promise.withResolvers<void>();
    const onLate = (): void => {
      if (!endAll()) late.resolve();
    };
    await Promise.race([reception.inside.emptied(graceMs, onLate, clock), late.promise]);
  }
  function close(graceMs = 0): Promise<void> {
    closing ??= empty(graceMs);
    return closing;
  }
  return { drain, close, [Symbol.asyncDispose]: () => close() };
}
