import type { Buffer } from "node:buffer";
import { systemClock, type Timer, withDeadline } from "../async/mod.ts";
import { type RedisModule, toRedisError } from "./client.ts";
import { RedisError, type RedisOptions } from "./contract.ts";
import { type Home, type Homes, openHomes } from "./homes.ts";
import { Listener } from "./listener.ts";
import { slotOf } from "./slots.ts";
import { parseUrl, type RedisPlace } from "./url.ts";

/** Options for {@linkcode connectSubscriber}. */
export interface SubscriberOptions extends RedisOptions {
  /**
   * Takes every message. Must be quick and must not throw: Redis cuts off a subscriber that reads too slowly. The payload is
   * a view into what came from the network: copy it to keep it for long.
   */
  onMessage: (channel: string, payload: Buffer) => void;
  /** The start of the name of this subscriber's own channel, on which it probes itself. @default {"chorus:"} */
  prefix?: string;
  /**
   * Called when some channels were not listened to though their connection lives, and are again: it was found out by a sample, or they
   * have moved within a Cluster. What was published meanwhile is lost.
   */
  onRepaired?: () => void;
}

/** Connections that listen to channels. For each channel one operation may be under way at a time. */
export interface Subscriber extends AsyncDisposable {
  /** Whether messages can arrive now, on every channel. */
  readonly isUp: boolean;
  /**
   * Listens to a channel until {@linkcode leave}, also over later connections. Resolves when Redis has confirmed it; while
   * there is no connection it waits for one. What is joined in one tick goes as one command.
   *
   * @throws {RedisError} `timeout` after the deadline, `rejected`, `closed`: it does not listen.
   */
  join(channel: string): Promise<void>;
  /** Stops listening to a channel. Resolves when Redis has confirmed it, or when there is no connection. */
  leave(channel: string): Promise<void>;
  /** Ends the connections. Idempotent. */
  close(): Promise<void>;
}

/** A channel that is to be listened to. */
interface Wanted {
  /** 0 where there is no Cluster. */
  readonly slot: number;
  /** Whose connection listens to it; undefined while it is being joined. */
  at: Listener | undefined;
}

const CHECK_MS = 25_000;
/** Channels in one check of a connection. */
const SAMPLE = 16;

/**
 * Connects to a Redis for listening; on a Cluster to channels of its shards (SSUBSCRIBE), at each of its masters.
 *
 * - Resolves when Redis answers. A lost connection is made anew, and `onUp` is called when it listens to everything again;
 *   what was published in between is lost.
 * - It probes itself by a message on a channel of its own, so that a connection that only seems to live is found out. Now and then a
 *   sample of the channels is probed in the same way; such messages are not given to `onMessage`.
 *
 * @throws {RedisError} As `connectKeyspace`.
 */
export async function connectSubscriber(url: string, options: SubscriberOptions): Promise<Subscriber> {
  const place = parseUrl(url);
  return await RedisSubscriber.open(await import("redis"), place, options);
}

class RedisSubscriber implements Subscriber {
  readonly #module: RedisModule;
  readonly #options: SubscriberOptions;
  readonly #isSharded: boolean;
  /** What is to be listened to: the truth from which every new connection is made. */
  readonly #wanted = new Map<string, Wanted>();
  readonly #ownChannel: string;
  /** Up to where the channels of a connection have been checked. */
  readonly #turns = new WeakMap<Listener, Iterator<string, undefined>>();
  /** Resolved when a connection was made or a channel has got another home. */
  #change: PromiseWithResolvers<void> = Promise.withResolvers();
  #homes: Homes | undefined;
  #checkTimer: Timer | undefined;
  #checking: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  private constructor(module: RedisModule, place: RedisPlace, options: SubscriberOptions) {
    this.#module = module;
    this.#options = options;
    this.#isSharded = place.kind === "cluster";
    this.#ownChannel = `${options.prefix ?? "chorus:"}probe:${crypto.randomUUID()}`;
  }

  static async open(
    module: RedisModule,
    place: RedisPlace,
    options: SubscriberOptions,
  ): Promise<RedisSubscriber> {
    const subscriber = new RedisSubscriber(module, place, options);
    await subscriber.#open(place);
    return subscriber;
  }

  get isUp(): boolean {
    return this.#openHomes.isUp;
  }

  async join(channel: string): Promise<void> {
    const action = `subscribe to "${channel}"`;
    const wanted: Wanted = { slot: this.#isSharded ? slotOf(channel) : 0, at: undefined };
    this.#wanted.set(channel, wanted);
    try {
      await withDeadline(this.#confirm(channel, wanted), this.#deadlineMs, action, this.#options.clock);
    } catch (error) {
      if (this.#wanted.get(channel) === wanted) {
        this.#wanted.delete(channel);
        this.#drop(channel, wanted);
      }
      throw toRedisError(this.#module, error, action);
    }
  }

  async leave(channel: string): Promise<void> {
    const wanted = this.#wanted.get(channel);
    const home = this.#openHomes.of(wanted?.slot ?? (this.#isSharded ? slotOf(channel) : 0));
    this.#wanted.delete(channel);
    await home?.listener.leave(home.link, channel);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #open(place: RedisPlace): Promise<void> {
    const { onUp: _, ...rest } = this.#options;
    this.#homes = await openHomes({
      module: this.#module,
      place,
      options: { ...rest, recovery: { probeMs: 5000, ...rest.recovery } },
      makeListener: () => this.#makeListener(),
      onUp: () => this.#onUp(),
      onMoved: () => this.#rehome(),
    });
    this.#scheduleCheck();
  }

  async #close(): Promise<void> {
    this.#checkTimer?.cancel();
    const closed = this.#openHomes.close();
    this.#changed();
    await closed;
    await this.#checking;
  }

  get #openHomes(): Homes {
    if (!this.#homes) throw new TypeError("Cannot use subscriber: it is not open yet");
    return this.#homes;
  }

  get #deadlineMs(): number {
    return this.#options.deadlineMs ?? 5000;
  }

  #makeListener(): Listener {
    const listener: Listener = new Listener({
      isSharded: this.#isSharded,
      ownChannel: this.#ownChannel,
      wanted: () => this.#wantedAt(listener),
      isWanted: (channel) => this.#wanted.has(channel),
      onJoined: (channel) => {
        const wanted = this.#wanted.get(channel);
        if (wanted) wanted.at = listener;
      },
      onMessage: (channel, payload) => this.#onMessage(channel, payload),
      onSlotMoved: () => this.#homes?.refresh(),
      onError: (error) => this.#report(error),
    });
    return listener;
  }

  *#wantedAt(listener: Listener): Generator<string> {
    for (const [channel, { slot }] of this.#wanted) {
      if (this.#homes?.of(slot)?.listener === listener) yield channel;
    }
  }

  /** Resolves when a channel is listened to or not wanted any more. */
  async #confirm(channel: string, wanted: Wanted): Promise<void> {
    while (this.#wanted.get(channel) === wanted) {
      const isClosed = this.#closed !== undefined;
      if (isClosed) throw new RedisError("closed", `Cannot subscribe to "${channel}": it was closed`);
      const change = this.#change.promise;
      if (await this.#tryJoin(channel, this.#openHomes.of(wanted.slot))) return;
      await change;
    }
  }

  /** @returns Whether a channel is listened to now; if not, it has to wait for a change. */
  async #tryJoin(channel: string, home: Home | undefined): Promise<boolean> {
    try {
      // Costs nothing when the channel came with a new connection.
      await home?.listener.join(home.link, channel);
      return home !== undefined;
    } catch (error) {
      // A node that left the Cluster is closed for us, too; that all is closed is seen by who waits.
      const isAway = error instanceof RedisError && (error.code === "unreachable" || error.code === "closed");
      if (!isAway) throw error;
      // The slot is at another node.
      if (home?.link.isUp) this.#openHomes.refresh();
      return false;
    }
  }

  /** Leaves a channel that nobody waits for any more. */
  #drop(channel: string, { slot }: Wanted): void {
    const home = this.#openHomes.of(slot);
    if (home?.link.isUp) home.listener.leave(home.link, channel).catch((error) => this.#report(error));
  }

  #changed(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }

  #onUp(): void {
    this.#rehome();
    this.#options.onUp?.();
  }

  /** Channels may have another home: those that its connection did not bring when it was made are joined there. */
  #rehome(): void {
    this.#changed();
    const moved: Promise<void>[] = [];
    for (const [channel, wanted] of this.#wanted) {
      const home = this.#homes?.of(wanted.slot);
      if (!home?.link.isUp || !wanted.at || wanted.at === home.listener) continue;
      wanted.at = undefined;
      moved.push(this.#confirm(channel, wanted));
    }
    if (moved.length === 0) return;
    Promise.all(moved).then(
      () => this.#options.onRepaired?.(),
      (error) => this.#report(error),
    );
  }

  #onMessage(channel: string, payload: Buffer): void {
    try {
      this.#options.onMessage(channel, payload);
    } catch (error) {
      // Thrown further it would break the decoder of the connection.
      const thrown = error instanceof Error ? error : new Error(String(error));
      this.#options.onError?.(thrown, { during: "message" });
    }
  }

  #report(error: unknown): void {
    if (this.#closed === undefined) {
      this.#options.onError?.(toRedisError(this.#module, error, "listen"), { during: "connect" });
    }
  }

  #scheduleCheck(): void {
    const { clock = systemClock, recovery } = this.#options;
    const delayMs = (recovery?.checkMs ?? CHECK_MS) * (0.9 + 0.2 * Math.random());
    this.#checkTimer = clock.after(delayMs, () => {
      this.#checking = this.#check();
    });
  }

  async #check(): Promise<void> {
    const homes = this.#openHomes.all().filter(({ link }) => link.isUp);
    const repaired = await Promise.all(homes.map((home) => this.#checkHome(home)));
    if (this.#closed !== undefined) return;
    if (repaired.includes(true)) this.#options.onRepaired?.();
    this.#scheduleCheck();
  }

  /** @returns Whether something had to be repaired. */
  async #checkHome({ link, listener }: Home): Promise<boolean> {
    const isHere = (channel: string): boolean => this.#wanted.get(channel)?.at === listener;
    try {
      const deaf = (await listener.deaf(link, this.#nextSample(listener, isHere))).filter(isHere);
      if (deaf.length === 0) return false;
      await listener.rejoin(link, deaf);
      return true;
    } catch (error) {
      // Perhaps the slot is not there any more. That a connection is lost or dead is found out by others.
      this.#openHomes.refresh();
      const isAway =
        error instanceof RedisError && (error.code === "unreachable" || error.code === "timeout");
      if (!isAway) this.#report(error);
      return false;
    }
  }

  /** The next few channels of a connection; over time it is the turn of each. */
  #nextSample(listener: Listener, isHere: (channel: string) => boolean): readonly string[] {
    const turn = this.#turns.get(listener) ?? this.#wanted.keys();
    this.#turns.set(listener, turn);
    const sample: string[] = [];
    while (sample.length < SAMPLE) {
      const { value, done } = turn.next();
      if (done) {
        this.#turns.delete(listener);
        break;
      }
      if (isHere(value)) sample.push(value);
    }
    return sample;
  }
}
