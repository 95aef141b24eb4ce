import { withDeadline } from "../async/mod.ts";
import {
  channelPrefix,
  connectPublisher,
  connectSubscriber,
  type Publisher,
  type RedisOptions,
  type Subscriber,
  taggedName,
} from "../redis/mod.ts";
import {
  type Bus,
  type BusHandler,
  type BusOptions,
  MAX_PENDING_BYTES,
  publishError,
  type Subscription,
} from "./contract.ts";
import { Interest } from "./interest.ts";
import { MESSAGE_BYTES } from "./lot.ts";

/** How long a publish waits for its confirmation: it is a person that does. */
const CONFIRM_MS = 1000;

/** Options for {@linkcode redisBus}. */
export interface RedisBusOptions extends BusOptions {
  /** As `connectKeyspace` of `src/redis` takes it. */
  url: string;
  /** Put before every channel's name, see {@linkcode redisBus}. @default {"chorus:"} */
  prefix?: string;
  /**
   * Called when messages can be sent and arrive again after a connection or a channel was lost: those published meanwhile may be lost. On a
   * Cluster, whose masters may be away for long, when any connection is back.
   */
  onRestored?: () => void;
  /** How the connections behave. */
  connection?: Pick<RedisOptions, "deadlineMs" | "recovery" | "ending">;
}

/** A bus over a Redis. */
export interface RedisBus extends Bus {
  /** Whether messages can be sent and can arrive now. */
  readonly isUp: boolean;
}

/**
 * Connects a bus to a Redis, with one connection for publishing and one for listening; on a Cluster two to each master, with its sharded
 * publish/subscribe. They come back by themselves, with all subscriptions, and follow the channels when these move.
 *
 * A channel `KIND:NAME` is at the Redis that prefix and `taggedName(KIND, NAME)`, one without a colon prefix and `taggedName(CHANNEL, "")`.
 * The number of another database than 0 goes before that, such as `db2:`, because Redis's own channels belong to no database.
 *
 * @example Two servers
 * ```ts
 * import assert from "node:assert/strict";
 * import { redisBus } from "chorus";
 *
 * const url = "redis://127.0.0.1:6379";
 * await using here = await redisBus({ url });
 * await using there = await redisBus({ url });
 * const heard = Promise.withResolvers<string>();
 * await using _ = await here.subscribe("user:ada", (payload) => heard.resolve(new TextDecoder().decode(payload)));
 * there.publish("user:ada", new TextEncoder().encode("hello"));
 * assert.equal(await heard.promise, "hello");
 * ```
 *
 * @throws {RedisError} As `connectKeyspace`.
 */
export async function redisBus(options: RedisBusOptions): Promise<RedisBus> {
  const { url, prefix = "chorus:", onError, clock } = options;
  // Set below; before that there is neither a subscription nor a connection that was lost.
  let bus: OverRedis | undefined;
  const onRestored = (): void => {
    if (bus?.isUp || bus?.isDivided) options.onRestored?.();
  };
  const settings: RedisOptions = {
    ...options.connection,
    ...(clock && { clock }),
    ...(onError && {
      onError: (error, { during }) => onError(error, { during: during === "message" ? "handler" : during }),
    }),
    onUp: onRestored,
  };
  const publisher = await connectPublisher(url, settings);
  try {
    const onMessage = (channel: string, payload: Uint8Array): void => bus?.deliver(channel, payload);
    const subscriber = await connectSubscriber(url, {
      ...settings,
      prefix,
      onMessage,
      onRepaired: onRestored,
    });
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
  readonly #publisher: Publisher;
  readonly #subscriber: Subscriber;
  /** By the names that channels have at the Redis. */
  readonly #interest: Interest;
  #pendingBytes = 0;
  #dropped = 0;
  #lastFailure = "";
  #isClosed = false;

  constructor(options: RedisBusOptions, publisher: Publisher, subscriber: Subscriber) {
    this.#options = options;
    this.#prefix = channelPrefix(options.url, options.prefix ?? "chorus:");
    this.#maxPendingBytes = options.maxPendingBytes ?? MAX_PENDING_BYTES;
    this.#publisher = publisher;
    this.#subscriber = subscriber;
    this.#interest = new Interest({
      ...options,
      join: (channel) => subscriber.join(channel),
      leave: (channel) => subscriber.leave(channel),
    });
  }

  get dropped(): number {
    return this.#dropped;
  }

  /** Whether some channels can be reached while others cannot. */
  get isDivided(): boolean {
    return this.#publisher.kind === "cluster";
  }

  get isUp(): boolean {
    return this.#publisher.isUp && this.#subscriber.isUp;
  }

  publish(channel: string, payload: Uint8Array): void {
    // What fails is counted and reported.
    void this.#publish(channel, payload);
  }

  async publishConfirmed(channel: string, payload: Uint8Array): Promise<void> {
    if (this.#isClosed) throw publishError("closed", channel);
    const taken = this.#publish(channel, payload);
    try {
      if (taken && (await withDeadline(taken, CONFIRM_MS, "publish", this.#options.clock))) return;
    } catch (cause) {
      throw publishError("unavailable", channel, { cause });
    }
    throw publishError("unavailable", channel);
  }

  /** @returns Whether it is taken; undefined where it is dropped at once. */
  #publish(channel: string, payload: Uint8Array): Promise<boolean> | undefined {
    const name = this.#nameOf(channel);
    const bytes = payload.length + MESSAGE_BYTES;
    if (!this.#publisher.isUpFor(name) || this.#pendingBytes + bytes > this.#maxPendingBytes) {
      this.#dropped += 1;
      return undefined;
    }
    this.#pendingBytes += bytes;
    return this.#publisher.publish(name, payload).then(
      () => {
        this.#pendingBytes -= bytes;
        this.#lastFailure = "";
        return true;
      },
      (error) => {
        this.#pendingBytes -= bytes;
        this.#onFailure(error);
        return false;
      },
    );
  }

  /** Takes a message that the subscriber got. */
  deliver(name: string, payload: Uint8Array): void {
    this.#interest.deliver(name, payload);
  }

  subscribe(channel: string, handler: BusHandler): Promise<Subscription> {
    return this.#interest.subscribe(this.#nameOf(channel), handler);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#interest.close();
    await Promise.all([this.#publisher.close(), this.#subscriber.close()]);
  }

  #nameOf(channel: string): string {
    const colon = channel.indexOf(":");
    const [kind, name] = colon === -1 ? [channel, ""] : [channel.slice(0, colon), channel.slice(colon + 1)];
    return this.#prefix + taggedName(kind, name);
  }

  /** Many fail alike at once: each is counted, one is reported. */
  #onFailure(cause: unknown): void {
    this.#dropped += 1;
    const error = cause instanceof Error ? cause : new Error(String(cause));
    if (error.message !== this.#lastFailure) this.#options.onError?.(error, { during: "publish" });
    this.#lastFailure = error.message;
  }
}
