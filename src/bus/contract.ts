import type { Clock } from "../async/mod.ts";

/** Interest in one channel. Disposing gives it back; the handler is not called after that. */
export type Subscription = AsyncDisposable;

/**
 * Takes what was published on a channel. Must be quick and must not throw: it runs on the bus's own connection. The payload
 * is shared with others and must not be changed; to keep it for long, copy it, because it may be a view into more.
 */
export type BusHandler = (payload: Uint8Array) => void;

/**
 * Publish/subscribe between servers: at most once, a hint. What must not be lost is in a store; the bus only says that it is there.
 *
 * - Order: what one publisher publishes on one channel arrives in that order. Handlers are never called within `publish`.
 * - Several subscriptions to one channel in one process share one at the broker; each has its own handler.
 * - A publisher that subscribes to a channel gets what it publishes there.
 * - Closing (`Symbol.asyncDispose`) ends every subscription.
 */
export interface Bus extends AsyncDisposable {
  /**
   * Sends `payload` to every current subscriber. Never throws and never waits; while the broker is away, and when too much
   * waits to be sent, it is dropped and counted. The payload is not copied at once: it must not be changed afterwards.
   */
  publish(channel: string, payload: Uint8Array): void;
  /**
   * Publishes, and resolves when the broker has taken it, which it does also where there is no subscriber.
   *
   * @throws {BusError} `unavailable` when the broker is away or does not answer in time, after which it may still take it; `closed`.
   */
  publishConfirmed(channel: string, payload: Uint8Array): Promise<void>;
  /**
   * Adds interest in a channel. Resolves when everything published from now on will arrive.
   *
   * @throws {BusError} `unavailable` when the broker does not answer in time, `closed`.
   */
  subscribe(channel: string, handler: BusHandler): Promise<Subscription>;
  /** How many publishes were dropped here since the start: those to nobody do not count. */
  readonly dropped: number;
}

/** What went wrong where, for the one who runs the bus. */
export type BusErrorReport = (
  error: Error,
  context: { readonly during: "connect" | "handler" | "publish" | "subscribe" },
) => void;

/** Options for every kind of bus. */
export interface BusOptions {
  /** For how long a channel is still listened to after its last subscription, in milliseconds. @default {30000} */
  lingerMs?: number;
  /** Payload bytes that may wait to be sent, to each receiver where there are several. @default {33554432} 32 MiB */
  maxPendingBytes?: number;
  /** Called when a handler throws and when the broker fails; it must not throw. @default {ignored} */
  onError?: BusErrorReport;
  /** The source of time. @default {systemClock} */
  clock?: Clock;
}

/** The defaults of {@linkcode BusOptions}. */
export const LINGER_MS = 30_000;
export const MAX_PENDING_BYTES = 33_554_432;

/** That a message was not taken. */
export function publishError(code: BusError["code"], channel: string, options?: ErrorOptions): BusError {
  const reason = code === "closed" ? "the bus was closed" : "the broker does not take it";
  return new BusError(code, `Cannot publish on "${channel}": ${reason}`, options);
}

/**
 * The bus cannot do what was asked.
 *
 * @example A bus that was closed
 * ```ts
 * import assert from "node:assert/strict";
 * import { BusError, localBus } from "chorus";
 *
 * const bus = localBus();
 * await bus[Symbol.asyncDispose]();
 * const error = await bus.subscribe("user:ada", () => undefined).catch((error: unknown) => error);
 * assert(error instanceof BusError && error.code === "closed");
 * ```
 */
export class BusError extends Error {
  /** Tells it from other errors. */
  override readonly name = "BusError";
  /** `unavailable`: the broker does not answer. `closed`: the bus was closed. */
  readonly code: "unavailable" | "closed";

  /** Says what failed. @param message One sentence. */
  constructor(code: "unavailable" | "closed", message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
