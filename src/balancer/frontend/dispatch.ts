import type { Clock } from "../../async/mod.ts";
import { type Connection, NetError } from "../../net/mod.ts";
import type { Client } from "../contract.ts";
import { fewWords } from "../counters.ts";
import type { Backend } from "../pool/backend.ts";
import type { Lease, Pool } from "../pool/pool.ts";
import type { Arrival } from "./arrival.ts";
import type { Dialer } from "./dialer.ts";
import type { FrontendHandler } from "./frontend.ts";
import { Refusal } from "./refusal.ts";

/** Different backends that are tried for one client. */
export const MAX_TRIES = 3;

/** Where clients go. */
export interface Destination {
  readonly pool: Pool;
  readonly dialer: Dialer;
}

/** A client's place on a backend, and the connection to it, which is paused. */
export interface Dispatched {
  /** The pool's name. */
  readonly pool: string;
  readonly lease: Lease;
  readonly connection: Connection;
}

/** Options for {@linkcode dispatch}. */
export interface DispatchOptions {
  readonly to: Destination;
  readonly handler: FrontendHandler | undefined;
  readonly clock: Clock;
}

/**
 * Picks a backend for a client and connects to it; tries another one where that fails, up to {@linkcode MAX_TRIES}, and waits where all are full.
 *
 * A backend that could not be connected to is blamed, unless the client has left meanwhile or we have no descriptor left.
 */
export async function dispatch(arrival: Arrival, options: DispatchOptions): Promise<Dispatched | Refusal> {
  const { pool } = options.to;
  const tried = new Set<Backend>();
  let last: unknown;
  while (tried.size < MAX_TRIES) {
    const lease = await leaseFor(arrival, pool, tried);
    if (lease instanceof Refusal) return lease;
    if (!lease) break;
    const outcome = await dial(arrival, lease, options);
    if (!(outcome instanceof Failure)) return outcome;
    last = outcome.error;
    tried.add(lease.backend);
  }
  if (tried.size === 0) return new Refusal(pool.isDraining ? "draining" : "no_backend");
  return new Refusal("connect_failed", `${tried.size} were tried, last: ${fewWords(last)}`);
}

/** A place on a backend that was not tried; undefined when there is none to have. */
async function leaseFor(
  arrival: Arrival,
  pool: Pool,
  except: ReadonlySet<Backend>,
): Promise<Lease | Refusal | undefined> {
  const { signal, stay, key } = arrival;
  if (signal.aborted) return arrival.farewell();
  const client: Client = { host: stay.host, key };
  const lease = pool.acquire(client, except) ?? (await queueFor(pool, client, except, signal));
  if (typeof lease === "string") return new Refusal(lease);
  if (!signal.aborted) return lease;
  lease?.[Symbol.dispose]();
  return arrival.farewell();
}

async function queueFor(
  pool: Pool,
  client: Client,
  except: ReadonlySet<Backend>,
  signal: AbortSignal,
): ReturnType<Pool["wait"]> {
  try {
    return await pool.wait(client, { except, signal });
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}

/** A backend could not be connected to. */
class Failure {
  readonly error: unknown;

  constructor(error: unknown) {
    this.error = error;
  }
}

async function dial(
  arrival: Arrival,
  lease: Lease,
  options: DispatchOptions,
): Promise<Dispatched | Refusal | Failure> {
  const { to, clock } = options;
  const startedAt = clock.now();
  try {
    const connection = await to.dialer.dial(lease.backend, arrival.route, arrival.signal);
    lease.backend.counters.connectSeconds.add((clock.now() - startedAt) / 1000);
    to.pool.connected(lease);
    if (!arrival.signal.aborted) return { pool: to.pool.name, lease, connection };
    connection.abort();
    lease[Symbol.dispose]();
    return arrival.farewell();
  } catch (error) {
    const verdict = judgeFailure(error, arrival, lease, options);
    lease[Symbol.dispose]();
    return verdict;
  }
}

/** Whose fault it is that a client could not be connected. */
function judgeFailure(
  error: unknown,
  arrival: Arrival,
  lease: Lease,
  { to: { pool }, handler }: DispatchOptions,
): Refusal | Failure {
  if (arrival.signal.aborted) return arrival.farewell();
  if (error instanceof NetError && error.code === "descriptors")
    return new Refusal("descriptors", error.message);
  lease.backend.counters.lastError = fewWords(error);
  pool.failed(lease);
  handler?.failed?.(lease.backend, error);
  return new Failure(error);
}
