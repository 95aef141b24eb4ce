/** Interest in one channel. Disposing gives it back; the handler is not called after that. */
export type Subscription = AsyncDisposable;

/** Takes what was published on a channel. Must be quick and must not throw: it runs on the bus's own connection. */
export type BusHandler = (payload: Uint8Array) => void;

/**
 * Publish/subscribe between servers: at most once, a hint. What must not be lost is in a store; the bus only says that it is there.
 *
 * - Order: what one publisher publishes on one channel arrives in that order.
 * - Several subscriptions to one channel in one process share one at the broker; each has its own handler.
 * - A publisher that subscribes to a channel gets what it publishes there.
 * - Closing (`Symbol.asyncDispose`) ends every subscription.
 */
export interface Bus extends AsyncDisposable {
  /** Sends `payload` to every current subscriber. Never throws and never waits; while the broker is away it is dropped. */
  publish(channel: string, payload: Uint8Array): void;
  /**
   * Adds interest in a channel. Resolves when everything published from now on will arrive.
   *
   * @throws {BusError} `unavailable` when the broker does not answer in time.
   */
  subscribe(channel: string, handler: BusHandler): Promise<Subscription>;
}

/** The bus cannot do what was asked. */
export class BusError extends Error {
  override readonly name = "BusError";
  /** `unavailable`: the broker does not answer. `closed`: the bus was closed. */
  readonly code: "unavailable" | "closed";

  constructor(code: "unavailable" | "closed", message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
