/** How a running server, or a balancer that stands before some, tells that it is there. */
export interface Announcement {
  /** New at each start of a server, so that a successor is never taken for its predecessor. */
  readonly id: string;
  /**
   * When it started, in milliseconds since 1970: of several at one address the one that started last counts. Absent when it does not
   * say; then it counts as older than those that do.
   */
  readonly startedAt?: number;
  /** Where clients reach it over TCP, as `HOST:PORT`. */
  readonly tcp: string;
  /** Where clients reach its HTTP and WebSocket side, as `HOST:PORT`; absent when it has none. */
  readonly web?: string;
  /** Its share of new clients compared with others. */
  readonly weight: number;
  /** The connections it can hold; 0 when it does not say. */
  readonly capacity: number;
  /** It takes no new clients and will leave. */
  readonly draining: boolean;
  /** The version of the PROXY protocol it reads from its balancers; absent when none. */
  readonly proxy?: 2;
  /** Which balancers it serves: those that have a pool of that name. Absent means {@linkcode CHAT_POOL}. */
  readonly pool?: string;
  /**
   * The nodes that a client may come through when it is sent here: its own first, then every balancer behind it. Absent for a server
   * that sends clients nowhere. At most {@linkcode MAX_VIA}.
   */
  readonly via?: readonly string[];
  /** The pools that it sends its clients to, as far as they are read from this registry: for a balancer. At most {@linkcode MAX_SERVES}. */
  readonly serves?: readonly string[];
}

/** The pool of an announcement that names none. */
export const CHAT_POOL = "chat";
/** The most nodes that an announcement may name as behind it. */
export const MAX_VIA = 256;
/** The most pools that an announcement may name as behind it. */
export const MAX_SERVES = 256;

/** One's own announcement while it lives. Disposing says goodbye. */
export interface Announced extends AsyncDisposable {
  /** Changes what is announced, such as `draining`. */
  update(change: Partial<Omit<Announcement, "id">>): void;
}

/** What a watcher is told. Calls are in order; `joined` comes first for each id. */
export interface RegistryHandler {
  /** One has come, or was there already. */
  joined(announcement: Announcement): void;
  /** One says something else of itself. */
  changed(announcement: Announcement): void;
  /**
   * It is gone. `goodbye`: it said so itself. `expired`: its lease ran out, which says nothing about whether it lives: a
   * watcher removes it only if its heartbeat is down too. An expired one that is seen again is reported as `changed`.
   */
  left(id: string, reason: "goodbye" | "expired"): void;
}

/**
 * Where running servers announce themselves and balancers find them. Not trusted for liveness.
 *
 * While it cannot be read, and for 10 s after it can be read again, nobody is reported as `expired`.
 */
export interface Registry extends AsyncDisposable {
  /**
   * Announces a server under a lease, and renews it until disposed. Resolves when it is written. While the registry is away it
   * goes on trying. Disposing of the registry says goodbye for all that it announced.
   *
   * @throws {TypeError} When the announcement is not well-formed, or its id is announced here already.
   * @throws {RegistryError} `closed`.
   */
  announce(announcement: Announcement): Promise<Announced>;
  /**
   * Tells `handler` who is there now, oneself included, and every change within a second. Resolves after the first reading;
   * while the registry is away it goes on trying.
   *
   * @throws {RegistryError} `closed`.
   */
  watch(handler: RegistryHandler): Promise<AsyncDisposable>;
}

/**
 * The registry cannot do what was asked.
 *
 * @example A registry that was closed
 * ```ts
 * import assert from "node:assert/strict";
 * import { localRegistry, RegistryError } from "chorus";
 *
 * const registry = localRegistry();
 * await registry[Symbol.asyncDispose]();
 * const server = { id: "s1", tcp: "127.0.0.1:7001", weight: 1, capacity: 0, draining: false };
 * const error = await registry.announce(server).catch((error: unknown) => error);
 * assert(error instanceof RegistryError && error.code === "closed");
 * ```
 */
export class RegistryError extends Error {
  /** Tells it from other errors. */
  override readonly name = "RegistryError";
  /** `closed`: the registry was closed, or the process that holds it is gone. */
  readonly code = "closed";
}

/** What went wrong where, for the one who runs the registry. */
export type RegistryErrorReport = (
  error: Error,
  context: { readonly during: "connect" | "announce" | "watch" | "handler" },
) => void;

/** The life of a lease and how often it is renewed, in milliseconds. */
export const LEASE_MS = 5000;
export const RENEW_MS = 1500;
/** How often a watcher reads the whole registry, in milliseconds: a change whose message was lost is seen that much later. */
export const SCAN_MS = 1000;
/** For how long after the registry came back nobody counts as expired, in milliseconds. */
export const GRACE_AFTER_RETURN_MS = 10_000;
