/**
 * What chat servers of the tests share: a data folder and a bus in this process, or a Redis.
 *
 * @module
 */
import type { Clock } from "../../src/async/mod.ts";
import { type Bus, localBus, redisBus } from "../../src/bus/mod.ts";
import { openWriter, redisStore, type Store, type StoreLimits, sqliteStore } from "../../src/chat/mod.ts";
import {
  channelPresence,
  type Presence,
  type PresenceOptions,
  presenceHub,
  redisPresence,
} from "../../src/chat/presence/mod.ts";
import { type ChannelPair, channelPair } from "../bus/channel_pair.ts";
import { temporaryFolder } from "../helpers.ts";

/** What one server is given. */
export interface Backing {
  readonly store: Store;
  readonly bus: Bus;
  readonly presence: Presence;
}

/** Options for the backings. */
export interface BackingsOptions {
  readonly storeLimits: StoreLimits;
  readonly clock: Clock;
  readonly onError: (error: unknown) => void;
}

/** Who a server is, and what it is told. */
export interface BackingOptions extends Pick<PresenceOptions, "server" | "onGone"> {
  /** The bus is back after it was away. */
  readonly onRestored?: () => void;
}

/** What all servers of a cluster are given; disposing closes it. */
export interface Backings extends AsyncDisposable {
  /** What the next server is given. */
  open(options: BackingOptions): Promise<Backing>;
  /** Cuts server `index` off from the presence: for the others it has died. */
  losePresence(index: number): void;
}

/** A data folder with its one writer. */
export async function folderBackings(options: BackingsOptions): Promise<Backings> {
  const { storeLimits: limits, clock, onError } = options;
  const stack = new AsyncDisposableStack();
  const { path: dir } = stack.use(temporaryFolder());
  const bus = stack.use(localBus());
  const hint = (user: string, line: Uint8Array): void => bus.publish(`user:${user}`, line);
  const writer = stack.use(await openWriter({ dir, durable: "memory", hint, limits, onError }));
  const store = stack.use(await sqliteStore({ dir, writer }));
  const hub = presenceHub();
  const pairs: ChannelPair[] = [];
  return {
    async open({ server, onGone }) {
      const pair = channelPair();
      pairs.push(pair);
      hub.attach(pair.parent);
      const presence = stack.use(channelPresence(pair.child, { server, onGone, onError, clock }));
      return { store, bus, presence };
    },
    losePresence: (index) => pairs[index]?.break(),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** A Redis of any kind, to which each server has its own connections. */
export function redisBackings(url: string, options: BackingsOptions): Backings {
  const { storeLimits: limits, clock, onError } = options;
  const stack = new AsyncDisposableStack();
  return {
    async open({ server, onGone, onRestored }) {
      const store = stack.use(await redisStore({ url, limits, onError, clock }));
      const bus = stack.use(await redisBus({ url, onError, clock, ...(onRestored && { onRestored }) }));
      const presence = stack.use(await redisPresence({ url, server, onGone, onError, clock }));
      return { store, bus, presence };
    },
    losePresence(index) {
      throw new RangeError(`server ${index} cannot be cut off from its Redis`);
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
