import type { RedisModule } from "./client.ts";
import { Cluster, type ClusterNode } from "./cluster.ts";
import type { RedisOptions } from "./contract.ts";
import type { Link } from "./link.ts";
import type { Listener } from "./listener.ts";
import { openLink } from "./sender.ts";
import type { RedisPlace } from "./url.ts";

/** A connection that listens. */
export interface Home {
  readonly link: Link;
  readonly listener: Listener;
}

/** The connections that listen: one, or one to each master of a Cluster. */
export interface Homes {
  readonly isUp: boolean;
  /** Where a slot's channels are listened to now. */
  of(slot: number): Home | undefined;
  all(): readonly Home[];
  /** Something is not as it was thought to be. */
  refresh(): void;
  close(): Promise<void>;
}

/** What {@linkcode openHomes} needs. */
export interface HomesOptions {
  readonly module: RedisModule;
  readonly place: RedisPlace;
  readonly options: RedisOptions;
  /** Makes a listener for a new server. */
  makeListener(): Listener;
  /** Called when a connection was made anew, after its listener was told. */
  onUp(): void;
  /** Called when channels have got another home. */
  onMoved(): void;
}

/** Connects to everything that is listened to. @throws {RedisError} */
export async function openHomes(settings: HomesOptions): Promise<Homes> {
  const { module, place, options, makeListener, onUp } = settings;
  if (place.kind === "cluster") return await openClusterHomes(settings, place);
  const listener = makeListener();
  const link: Link = await openLink(
    module,
    place,
    { server: "any", ...listener.use },
    {
      ...options,
      onUp() {
        listener.tookOver(link);
        onUp();
      },
    },
  );
  const home: Home = { link, listener };
  return {
    get isUp() {
      return link.isUp;
    },
    of: () => home,
    all: () => [home],
    refresh: () => undefined,
    close: () => link.close(),
  };
}

async function openClusterHomes(
  { module, options, makeListener, onUp, onMoved }: HomesOptions,
  place: Extract<RedisPlace, { readonly kind: "cluster" }>,
): Promise<Homes> {
  const listeners = new Map<string, Listener>();
  const cluster: Cluster = await Cluster.open({
    module,
    place,
    options,
    useOf(address) {
      const listener = makeListener();
      listeners.set(address, listener);
      return { server: "node", ...listener.use };
    },
    onUp({ address, link }) {
      listeners.get(address)?.tookOver(link);
      onUp();
    },
    onMoved(losers) {
      // See Listener: what this connection says from now on may be wrong.
      for (const { link } of losers) link.renew(new Error("slots have moved to another node"));
      onMoved();
    },
    onEnded: ({ address }) => void listeners.delete(address),
  });
  const homeOf = (node: ClusterNode | undefined): Home | undefined => {
    const listener = node && listeners.get(node.address);
    return node && listener && { link: node.link, listener };
  };
  return {
    get isUp() {
      return cluster.isUp;
    },
    of: (slot) => homeOf(cluster.owner(slot)),
    all: () => [...cluster.owners()].map(homeOf).filter((home) => home !== undefined),
    refresh: () => cluster.refresh(),
    close: () => cluster.close(),
  };
}
