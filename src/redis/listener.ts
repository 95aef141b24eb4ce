import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { setImmediate } from "node:timers";
import { type RedisClient, RedisError } from "./contract.ts";
import type { Link, LinkUse } from "./link.ts";
import { slotOf } from "./slots.ts";

/** What {@linkcode Listener} needs. */
export interface ListenerOptions {
  /** Whether the channels are those of a Cluster's shards. */
  readonly isSharded: boolean;
  /** The channel on which the connection probes itself. */
  readonly ownChannel: string;
  /** What is to be listened to on this connection. */
  wanted(): Iterable<string>;
  /** Whether that is still so. */
  isWanted(channel: string): boolean;
  /** The connection listens to a channel. */
  onJoined(channel: string): void;
  onMessage(channel: string, payload: Buffer): void;
  /** The server has ended a channel because its slot has moved away. */
  onSlotMoved(): void;
  /** Something failed that nobody waits for. */
  onError(error: Error): void;
}

/** What is to be done about a channel in this tick. */
interface Change extends PromiseWithResolvers<void> {
  isWanted: boolean;
}

/** Channels in one command. */
const BATCH = 512;
/** Begins what is published to find out whether a channel is heard; what follows says by whom. */
const SAMPLE_MARK = Buffer.from("b3b1f1a59a4e4c0f8d0c6b8a7e5d2c41", "hex");
const SAMPLE_BYTES = 2 * SAMPLE_MARK.length;

/**
 * What one connection listens to. What is asked for in one tick goes as one command; for one channel the last word counts.
 *
 * Npm `redis` mixes up answers when a server ends sharded channels by itself while commands are under way: a connection to a node that
 * has lost slots is made anew.
 */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #sample: Buffer = Buffer.concat([SAMPLE_MARK, randomBytes(SAMPLE_MARK.length)]);
  /** What the connection that is being made has been asked for. */
  readonly #prepared = new Set<string>();
  /** The samples that came back. */
  readonly #heard = new Set<string>();
  #changes = new Map<string, Change>();
  #heardOwn: (() => void) | undefined;

  constructor(options: ListenerOptions) {
    this.#options = options;
  }

  /** How its connections are made ready and probed. */
  get use(): Omit<LinkUse, "server"> {
    return { prepare: (client) => this.#prepare(client), probe: (client) => this.#probe(client) };
  }

  /** Resolves when the connection listens to a channel. @throws {RedisError} `unreachable`, `rejected`, `closed`. */
  join(link: Link, channel: string): Promise<void> {
    return this.#change(link, channel, true);
  }

  /** Resolves when the connection does not listen to a channel, or is gone. @throws {RedisError} */
  leave(link: Link, channel: string): Promise<void> {
    return this.#change(link, channel, false);
  }

  /** A new connection has taken over: leaves what was left while it was made. */
  tookOver(link: Link): void {
    for (const channel of this.#prepared) {
      if (!this.#options.isWanted(channel)) this.leave(link, channel).catch(this.#options.onError);
    }
    this.#prepared.clear();
  }

  /**
   * Publishes on channels and tells which of them were not heard.
   *
   * @throws {RedisError}
   */
  async deaf(link: Link, channels: readonly string[]): Promise<readonly string[]> {
    const publish = this.#options.isSharded ? "SPUBLISH" : "PUBLISH";
    this.#heard.clear();
    await link.ask("check what is listened to", (client) =>
      // Its answer comes after everything that was published before it.
      Promise.all([
        ...channels.map((channel) => client.sendCommand([publish, channel, this.#sample])),
        client.ping(),
      ]),
    );
    return channels.filter((channel) => !this.#heard.has(channel));
  }

  /** Joins channels to which the client believes to listen. @throws {RedisError} */
  async rejoin(link: Link, channels: readonly string[]): Promise<void> {
    await Promise.all(channels.map((channel) => this.leave(link, channel)));
    await Promise.all(channels.filter(this.#options.isWanted).map((channel) => this.join(link, channel)));
  }

  #change(link: Link, channel: string, isWanted: boolean): Promise<void> {
    if (this.#changes.size === 0) setImmediate(() => this.#flush(link));
    const known = this.#changes.get(channel);
    if (known) {
      known.isWanted = isWanted;
      return known.promise;
    }
    const change = { isWanted, ...Promise.withResolvers<void>() };
    this.#changes.set(channel, change);
    return change.promise;
  }

  #flush(link: Link): void {
    const changes = this.#changes;
    this.#changes = new Map();
    for (const isWanted of [false, true]) {
      const channels = [...changes.keys()].filter((channel) => changes.get(channel)?.isWanted === isWanted);
      for (const batch of this.#batches(channels)) {
        const work = isWanted ? this.#joinBatch(link, batch) : this.#leaveBatch(link, batch);
        void work.then(
          () => batch.forEach((channel) => void changes.get(channel)?.resolve()),
          (error) => this.#onRefused(link, batch, changes, error),
        );
      }
    }
  }

  async #joinBatch(link: Link, channels: readonly string[]): Promise<void> {
    await link.run(describe("subscribe to", channels), (client) => this.#subscribe(client, channels));
    for (const channel of channels) this.#options.onJoined(channel);
  }

  async #leaveBatch(link: Link, channels: readonly string[]): Promise<void> {
    try {
      await link.run(describe("unsubscribe from", channels), (client) => this.#unsubscribe(client, channels));
    } catch (error) {
      // Without a connection there is nothing to leave.
      const isGone = error instanceof RedisError && (error.code === "unreachable" || error.code === "closed");
      if (!isGone) throw error;
    }
  }

  /** A refusal is for the whole command, though it may be about one channel only: each is tried by itself. */
  #onRefused(
    link: Link,
    batch: readonly string[],
    changes: ReadonlyMap<string, Change>,
    error: unknown,
  ): void {
    const isRefused = error instanceof RedisError && error.code === "rejected" && batch.length > 1;
    for (const channel of batch) {
      const change = changes.get(channel);
      if (!change) continue;
      if (!isRefused) change.reject(error);
      else
        (change.isWanted ? this.#joinBatch : this.#leaveBatch)
          .call(this, link, [channel])
          .then(change.resolve, change.reject);
    }
  }

  async #prepare(client: RedisClient): Promise<void> {
    this.#prepared.clear();
    // What this client says from now on may be wrong, see above: it counts as lost.
    client.once("sharded-channel-moved", (channel: string) => {
      this.#options.onSlotMoved();
      client.emit("error", new Error(`the slot of "${channel}" has moved`));
    });
    await client.subscribe(this.#options.ownChannel, this.#receive, true);
    // Those that are left meanwhile were asked for in vain, see tookOver.
    for (;;) {
      const missing = [...this.#options.wanted()].filter((channel) => !this.#prepared.has(channel));
      if (missing.length === 0) return;
      for (const batch of this.#batches(missing)) {
        for (const channel of batch) this.#prepared.add(channel);
        await this.#subscribe(client, batch);
        for (const channel of batch) this.#options.onJoined(channel);
      }
    }
  }

  async #probe(client: RedisClient): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#heardOwn = resolve;
    await client.publish(this.#options.ownChannel, "");
    await promise;
  }

  #subscribe(client: RedisClient, channels: readonly string[]): Promise<void> {
    if (this.#options.isSharded) return client.sSubscribe([...channels], this.#receive, true);
    return client.subscribe([...channels], this.#receive, true);
  }

  #unsubscribe(client: RedisClient, channels: readonly string[]): Promise<void> {
    if (this.#options.isSharded) return client.sUnsubscribe([...channels], this.#receive, true);
    return client.unsubscribe([...channels], this.#receive, true);
  }

  /** Channels of one command; on a Cluster they must be of one slot. */
  *#batches(channels: readonly string[]): Generator<readonly string[]> {
    const groups = this.#options.isSharded ? Map.groupBy(channels, slotOf).values() : [channels];
    for (const group of groups) {
      for (let start = 0; start < group.length; start += BATCH) yield group.slice(start, start + BATCH);
    }
  }

  readonly #receive = (payload: Buffer, name: Buffer): void => {
    const channel = name.toString();
    if (payload.length === SAMPLE_BYTES && payload.subarray(0, SAMPLE_MARK.length).equals(SAMPLE_MARK)) {
      if (payload.equals(this.#sample)) this.#heard.add(channel);
    } else if (channel === this.#options.ownChannel) {
      this.#heardOwn?.();
    } else {
      this.#options.onMessage(channel, payload);
    }
  };
}

function describe(action: string, channels: readonly string[]): string {
  return channels.length === 1 ? `${action} "${channels[0]}"` : `${action} ${channels.length} channels`;
}
