/**
 * A chat server as a child of `chorus up`: a process of its own, told by its parent what to do.
 *
 * @module
 */
import process from "node:process";
import { type Bus, channelBus } from "../bus/mod.ts";
import {
  type ChatLimits,
  type ChatServer,
  type Durability,
  remoteWriter,
  type Store,
  sqliteStore,
  startChatServer,
} from "../chat/mod.ts";
import { formatAddress, systemDriver } from "../net/mod.ts";
import { channelRegistry, type Registry } from "../registry/mod.ts";
import { type Channel, parentChannel, takeConnections } from "../server/mod.ts";
import { type BackingOptions, openRedis } from "./backing.ts";
import { type LogOptions, logErrors, startLog, wordsOf } from "./log.ts";
import { ignoreSignals } from "./process.ts";
import { toAddressList } from "./role_flags.ts";

/** What the parent tells its child first, on topic `configure`. */
export interface ChildConfiguration {
  readonly id: string;
  /** What the server announces itself as: new at each start. */
  readonly announceId: string;
  readonly data: string;
  readonly redis: string | undefined;
  readonly durable: Durability | undefined;
  readonly limits: ChatLimits;
  readonly graceMs: number;
  readonly log: LogOptions;
}

/** What the child answers on topic `started`: where it listens, or why it could not start. */
export type Started = { readonly tcp: string } | { readonly error: string };

/** What one child holds open. */
interface Held extends AsyncDisposable {
  readonly store: Store;
  readonly bus: Bus;
  readonly registry: Registry;
}

const channel = parentChannel();
if (!channel) throw new Error("up_child.ts is started by chorus up");
ignoreSignals();
const configured = new Promise<ChildConfiguration>((resolve) => {
  channel.on("configure", (body) => resolve(body as ChildConfiguration));
});
// A parent that dies before it has said what to do leaves nothing to do.
const configuration = await Promise.race([configured, channel.closed]);
if (!configuration) process.exit(0);
try {
  await serve(channel, configuration);
  process.exit(0);
} catch (error) {
  channel.send("started", { error: wordsOf(error) } satisfies Started);
  await channel.closed;
  process.exit(1);
}

async function serve(parent: Channel, options: ChildConfiguration): Promise<void> {
  const { id, announceId, limits, graceMs } = options;
  const log = await startLog(options.log);
  const onError = logErrors(log);
  const stopped = new Promise<void>((resolve) => parent.on("stop", () => resolve()));

  let running: ChatServer | undefined;
  await using held = await hold(parent, options, { onError, onRestored: () => void running?.reconcile() });
  const { store, bus, registry } = held;
  const listen = { host: "127.0.0.1", port: 0 };
  await using server = await startChatServer({
    id,
    listen,
    driver: systemDriver(),
    store,
    bus,
    limits,
    // The balancer is the parent, on this machine.
    trusted: toAddressList(["127.0.0.0/8", "::1"]),
    onError,
  });
  running = server;
  const tcp = formatAddress(server.address);
  takeConnections(parent, (socket, onClosed) => server.adopt(socket, onClosed));
  parent.send("started", { tcp } satisfies Started);
  const announcement = { id: announceId, tcp, weight: 1, capacity: 0, draining: false };
  const announced = await registry.announce(announcement);

  await Promise.race([stopped, parent.closed]);
  await announced[Symbol.asyncDispose]();
  await server.close(graceMs);
}

/** Opens what the server needs. Its balancer is the parent, so it announces itself there alone: nobody else can reach it. */
async function hold(
  parent: Channel,
  { data, redis, durable }: ChildConfiguration,
  handlers: Pick<BackingOptions, "onError" | "onRestored">,
): Promise<Held> {
  const opened = new AsyncDisposableStack();
  const registry = opened.use(channelRegistry(parent));
  const close = (): Promise<void> => opened.disposeAsync();
  if (redis !== undefined) {
    const { store, bus } = opened.use(await openRedis(redis, { durable, ...handlers }));
    return { store, bus, registry, [Symbol.asyncDispose]: close };
  }
  const bus = opened.use(channelBus(parent));
  const writer = opened.use(remoteWriter(parent, durable ?? "disk"));
  const store = opened.use(await sqliteStore({ dir: data, writer }));
  return { store, bus, registry, [Symbol.asyncDispose]: close };
}
