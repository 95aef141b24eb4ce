import type { Buffer } from "node:buffer";
import { withDeadline } from "../async/mod.ts";
import { type RedisClient, RedisError, type RedisOptions } from "./contract.ts";
import { Link } from "./link.ts";

/** Options for {@linkcode connectSubscriber}. */
export interface SubscriberOptions extends RedisOptions {
  /**
   * Takes every message. Must be quick and must not throw: Redis cuts off a subscriber that reads too slowly. The payload is
   * a view into what came from the network: copy it to keep it for long.
   */
  onMessage: (channel: string, payload: Buffer) => void;
  /** The start of the name of this subscriber's own channel, on which it probes itself. @default {"chorus:"} */
  prefix?: string;
}

/** A connection that listens to channels. For each channel one operation may be under way at a time. */
export interface Subscriber extends AsyncDisposable {
  /** Whether messages can arrive now. */
  readonly isUp: boolean;
  /**
   * Listens to a channel until {@linkcode leave}, also over later connections. Resolves when Redis has confirmed it; while
   * there is no connection it waits for one.
   *
   * @throws {RedisError} `timeout` after the deadline, `rejected`, `closed`: it does not listen.
   */
  join(channel: string): Promise<void>;
  /** Stops listening to a channel. Resolves when Redis has confirmed it, or when there is no connection. */
  leave(channel: string): Promise<void>;
  /** Ends the connection. Idempotent. */
  close(): Promise<void>;
}

/** Channels in one SUBSCRIBE when a new connection takes over. */
const BATCH = 512;

/**
 * Connects to a Redis for listening.
 *
 * - Resolves when Redis answers. A lost connection is made anew, and `onUp` is called when it listens to everything again;
 *   what was published in between is lost.
 * - It probes itself by a message on a channel of its own, so that a connection that only seems to live is found out.
 *
 * @throws {RedisError} As {@linkcode connectRedis}.
 */
export function connectSubscriber(url: string, options: SubscriberOptions): Promise<Subscriber> {
  return RedisSubscriber.open(url, options);
}

class RedisSubscriber implements Subscriber {
  readonly #options: SubscriberOptions;
  /** What is to be listened to: the truth from which every new connection is made. */
  readonly #wanted = new Set<string>();
  /** What the connection that is being made has been asked for. */
  readonly #prepared = new Set<string>();
  readonly #own: string;
  #heardOwn: (() => void) | undefined;
  #up: PromiseWithResolvers<void> = Promise.withResolvers();
  #link: Link | undefined;

  private constructor(options: SubscriberOptions) {
    this.#options = options;
    this.#own = `${options.prefix ?? "chorus:"}probe:${crypto.randomUUID()}`;
  }

  static async open(url: string, options: SubscriberOptions): Promise<Subscriber> {
    const subscriber = new RedisSubscriber(options);
    await subscriber.#open(url);
    return subscriber;
  }

  get isUp(): boolean {
    return this.#openLink.isUp;
  }

  async join(channel: string): Promise<void> {
    const link = this.#openLink;
    const action = `subscribe to "${channel}"`;
    this.#wanted.add(channel);
    try {
      await withDeadline(this.#confirm(link, channel, action), link.deadlineMs, action, this.#options.clock);
    } catch (error) {
      this.#wanted.delete(channel);
      if (link.isUp) this.#drop(link, [channel]);
      throw link.translate(error, action);
    }
  }

  async leave(channel: string): Promise<void> {
    const link = this.#openLink;
    this.#wanted.delete(channel);
    try {
      await link.ask(`unsubscribe from "${channel}"`, (client) =>
        client.unsubscribe(channel, this.#receive, true),
      );
    } catch (error) {
      // Without a connection there is nothing to leave.
      const isGone = error instanceof RedisError && (error.code === "unreachable" || error.code === "closed");
      if (!isGone) throw error;
    }
  }

  close(): Promise<void> {
    const closed = this.#openLink.close();
    this.#up.resolve();
    return closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  get #openLink(): Link {
    if (!this.#link) throw new TypeError("Cannot use subscriber: it is not open yet");
    return this.#link;
  }

  async #open(url: string): Promise<void> {
    const { onUp, onDown, recovery } = this.#options;
    const use = {
      prepare: (client: RedisClient) => this.#prepare(client),
      probe: (client: RedisClient) => this.#probe(client),
    };
    this.#link = await Link.open(url, use, {
      ...this.#options,
      recovery: { probeMs: 5000, ...recovery },
      onDown: () => {
        this.#up = Promise.withResolvers();
        onDown?.();
      },
      onUp: () => {
        this.#restored();
        onUp?.();
      },
    });
  }

  async #confirm(link: Link, channel: string, action: string): Promise<void> {
    while (this.#wanted.has(channel)) {
      try {
        // Costs nothing when the channel came with a new connection.
        return await link.client.subscribe(channel, this.#receive, true);
      } catch (error) {
        const failure = link.translate(error, action);
        if (!(failure instanceof RedisError && failure.code === "unreachable")) throw failure;
        await this.#up.promise;
      }
    }
  }

  async #prepare(client: RedisClient): Promise<void> {
    this.#prepared.clear();
    await client.subscribe(this.#own, this.#receive, true);
    let batch: string[] = [];
    const flush = async (): Promise<void> => {
      if (batch.length > 0) await client.subscribe(batch, this.#receive, true);
      batch = [];
    };
    // Channels that are added meanwhile come at the end; one that is left was asked for in vain, see #restored.
    for (const channel of this.#wanted) {
      batch.push(channel);
      this.#prepared.add(channel);
      if (batch.length === BATCH) await flush();
    }
    await flush();
  }

  #restored(): void {
    const left = this.#prepared.difference(this.#wanted);
    if (left.size > 0) this.#drop(this.#openLink, [...left]);
    this.#prepared.clear();
    this.#up.resolve();
  }

  /** Leaves channels that nobody waits for any more. */
  #drop(link: Link, channels: string[]): void {
    link.client.unsubscribe(channels, this.#receive, true).catch((error) => {
      link.report(link.translate(error, "unsubscribe"), "connect");
    });
  }

  async #probe(client: RedisClient): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#heardOwn = resolve;
    await client.publish(this.#own, "");
    await promise;
  }

  readonly #receive = (payload: Buffer, name: Buffer): void => {
    const channel = name.toString();
    if (channel === this.#own) {
      this.#heardOwn?.();
      return;
    }
    try {
      this.#options.onMessage(channel, payload);
    } catch (error) {
      // Thrown further it would break the decoder of the connection.
      this.#link?.report(error instanceof Error ? error : new Error(String(error)), "message");
    }
  };
}
