import { type Bus, channelBus, localBus } from "../bus/mod.ts";
import {
  channelPresence,
  openWriter,
  type Presence,
  presenceHub,
  remoteWriter,
  type Store,
  serveWriter,
  sqliteStore,
} from "../chat/mod.ts";
import type { Channel } from "../server/mod.ts";
import { type BackingOptions, forFolder, openRedis } from "./backing.ts";
import { seldom } from "./seldom.ts";

/** Options for {@linkcode openHubs}. */
export type HubsOptions = Pick<BackingOptions, "data" | "durable" | "onError">;

/**
 * Opens what a parent has for children that share a data folder: the hubs of the bus and of presence, and the one writer.
 *
 * @returns What serves a new child's channel. @throws {StoreError}
 */
export async function openHubs(
  { data, durable, onError }: HubsOptions,
  opened: AsyncDisposableStack,
): Promise<(channel: Channel) => void> {
  const bus = opened.use(localBus());
  const presence = presenceHub();
  const publish = (user: string, line: Uint8Array): void => bus.publish(`user:${user}`, line);
  const writer = opened.use(
    await openWriter({ dir: data, hint: publish, onError: seldom(onError), ...forFolder(durable) }),
  );
  return (channel) => {
    bus.attach(channel);
    presence.attach(channel);
    serveWriter(channel, writer, onError);
  };
}

/** What a chat server that is somebody's child keeps its data in and talks to others by. */
export interface ChildBacking extends AsyncDisposable {
  readonly store: Store;
  readonly bus: Bus;
  readonly presence: Presence;
}

/** Opens the parts of a child: in a Redis by connections of its own, else by its parent's {@linkcode openHubs}. */
export async function openChildBacking(
  parent: Channel,
  { data, redis, durable, instance, ...handlers }: BackingOptions,
): Promise<ChildBacking> {
  if (redis !== undefined) return await openRedis(redis, { durable, instance, ...handlers });
  const opened = new AsyncDisposableStack();
  const bus = opened.use(channelBus(parent));
  const writer = opened.use(remoteWriter(parent, durable === "memory" ? "memory" : "disk"));
  const store = opened.use(await sqliteStore({ dir: data, writer }));
  const presence = opened.use(channelPresence(parent, { server: instance, ...handlers }));
  return { store, bus, presence, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}
