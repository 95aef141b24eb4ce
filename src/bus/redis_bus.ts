import { Buffer } from "node:buffer";
import {
  connectRedis,
  connectSubscriber,
  type RedisConnection,
  type RedisOptions,
  type Subscriber,
} from "../redis/mod.ts";
import {
  type Bus,
  type BusHandler,
  type BusOptions,
  MAX_PENDING_BYTES,
  type Subscription,
} from "./contract.ts";
import { Interest } from "./interest.ts";
import { MESSAGE_BYTES } from "./lot.ts";

/** Options for {@linkcode redisBus}. */
export interface RedisBusOptions extends BusOptions {
  /** As {@linkcode connectRedis} takes it. */
  url: string;
  /** Put before every channel's name. @default {"chorus:"} */
  prefix?: string;
  /** Called when messages can be sent and arrive again after a connection was lost: those published meanwhile may be lost. */
  onRestored?: () => void;
  /** How the connections behave. */
  connection?: Pick<RedisOptions, "deadlineMs" | "recovery">;
}

/** A bus over a Redis. */
export interface RedisBus extends Bus {
  /** Whether messages can be sent and can arrive now. */
  readonly isUp: boolean;
}

/**
 * Connects a bus to a Redis, with one connection for publishing and one for listening. Both come back by themselves, with all
 * subscriptions.
 *
 * @throws {RedisError} As {@linkcode connectRedis}.
 */
export async function redisBus(options: RedisBusOptions): Promise<RedisBus> {
  const { url, prefix = "chorus:", onError, clock } = options;
  // Set below; before that there is neither a subscription nor a connection that was lost.
  let bus: OverRedis | undefined;
  const settings: RedisOptions = {
    ...options.connection,
    ...(clock && { clock }),
    ...(onError && {
      onError: (error, { during }) => onError(error, { during: during === "message" ? "handler" : during }),
    }),
    onUp() {
      if (bus?.isUp) options.onRestored?.();
    },
  };
  const publisher = await connectRedis(url, settings);
  try {
    const onMessage = (channel: string, payload: Uint8Array): void => bus?.deliver(channel, payload);
    const subscriber = await connectSubscriber(url, { ...settings, prefix, onMessage });
    bus = new OverRedis(options, publisher, subscriber);
    return bus;
  } catch (error) {
    await publisher.close();
    throw error;
  }
}

class OverRedis implements RedisBus {
  readonly #options: RedisBusOptions;
  readonly #prefix: string;
  readonly #maxPendingBytes: number;
  readonly #publisher: RedisConnection;
  readonly #subscriber: Subscriber;
  readonly #interest: Interest;
  #pendingBytes = 0;
  #dropped = 0;
  #lastFailure = "";

  constructor(options: RedisBusOptions, publisher: RedisConnection, subscriber: Subscriber) {
    this.#options = options;
    this.#prefix = options.prefix ?? "chorus:";
    this.#maxPendingBytes = options.maxPendingBytes ?? MAX_PENDING_BYTES;
    this.#publisher = publisher;
    this.#subscriber = subscriber;
    this.#interest = new Interest({
      ...options,
      join: (channel) => subscriber.join(this.#prefix + channel),
      leave: (channel) => subscriber.leave(this.#prefix + channel),
    });
  }

  get dropped(): number {
    return this.#dropped;
  }

  get isUp(): boolean {
    return this.#publisher.isUp && this.#subscriber.isUp;
  }

  publish(channel: string, payload: Uint8Array): void {
    const bytes = payload.length + MESSAGE_BYTES;
    if (!this.#publisher.isUp || this.#pendingBytes + bytes > this.#maxPendingBytes) {
      this.#dropped += 1;
      return;
    }
    this.#pendingBytes += bytes;
    const view = Buffer.from(payload.buffer, payload.byteOffset, payload.length);
    this.#publisher.client.sendCommand(["PUBLISH", this.#prefix + channel, view]).then(
      () => {
        this.#pendingBytes -= bytes;
        this.#lastFailure = "";
      },
      (error) => {
        this.#pendingBytes -= bytes;
        this.#onFailure(error);
      },
    );
  }

  /** Takes a message that the subscriber got. */
  deliver(prefixed: string, payload: Uint8Array): void {
    this.#interest.deliver(prefixed.slice(this.#prefix.length), payload);
  }

  subscribe(channel: string, handler: BusHandler): Promise<Subscription> {
    return this.#interest.subscribe(channel, handler);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#interest.close();
    await Promise.all([this.#publisher.close(), this.#subscriber.close()]);
  }

  /** Many fail alike at once: each is counted, one is reported. */
  #onFailure(cause: unknown): void {
    this.#dropped += 1;
    const error = this.#publisher.translate(cause, "publish");
    if (error.message !== this.#lastFailure) this.#options.onError?.(error, { during: "publish" });
    this.#lastFailure = error.message;
  }
}
