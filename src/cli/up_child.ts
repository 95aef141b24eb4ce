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
  channelPresence,
  type Durability,
  openTokenVerifier,
  type Presence,
  remoteWriter,
  type Store,
  sqliteStore,
  startChatServer,
  type TokenVerifier,
  type TokenVerifierOptions,
} from "../chat/mod.ts";
import { formatAddress, systemDriver } from "../net/mod.ts";
import { channelRegistry, type Registry } from "../registry/mod.ts";
import { type Channel, parentChannel, takeConnections } from "../server/mod.ts";
import { type BackingOptions, openRedis } from "./backing.ts";
import { type LogOptions, logErrors, startLog, wordsOf } from "./log.ts";
import { ignoreSignals } from "./process.ts";
import { toAddressList } from "./role_flags.ts";
import { sessionDesk } from "./session_desk.ts";
import { serveDesk } from "./up_desk.ts";

/** What the parent tells its child first, on topic `configure`. */
export interface ChildConfiguration {
  readonly id: string;
  /** What the server announces itself as: new at each start. */
  readonly announceId: string;
  readonly data: string;
  readonly redis: string | undefined;
  readonly durable: Durability | undefined;
  readonly limits: ChatLimits;
  readonly passwordCost: number;
  /** What makes a verifier of tokens of somebody else's; the parent has tried it. */
  readonly tokens: TokenVerifierOptions | undefined;
  readonly graceMs: number;
  readonly log: LogOptions;
}

/** What the child answers on topic `started`: where it listens, or why it could not start. */
export type Started = { readonly tcp: string } | { readonly error: string };

/** What the parent says on topic `drain`: how long the clients have to leave, or that they may stay. */
export type ToldDrain = { readonly graceMs: number } | "off";

/** What one child holds open. */
interface Held extends AsyncDisposable {
  readonly store: Store;
  readonly bus: Bus;
  readonly presence: Presence;
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
  const { id, announceId, limits, passwordCost, graceMs } = options;
  const log = await startLog(options.log);
  const onError = logErrors(log);
  const stopped = new Promise<void>((resolve) => parent.on("stop", () => resolve()));

  let running: ChatServer | undefined;
  await using held = await hold(parent, options, {
    onError,
    onRestored: () => void running?.reconcile(),
    onGone: (users) => running?.usersGone(users),
    onBack: (users) => running?.usersBack(users),
  });
  const { store, bus, presence, registry } = held;
  // The balancer is the parent, on this machine.
  const trusted = toAddressList(["127.0.0.0/8", "::1"]);
  const verifier = await verifierOf(options.tokens);
  const listen = { host: "127.0.0.1", port: 0 };
  const parts = {
    id,
    listen,
    driver: systemDriver(),
    store,
    bus,
    presence,
    verifier,
    limits,
    passwordCost,
    trusted,
  };
  await using server = await startChatServer({ ...parts, onError });
  running = server;
  const desk = sessionDesk(server, store, { server: id });
  using _serving = serveDesk(parent, { desk, setAside: () => store.setAside, onError });
  const tcp = formatAddress(server.address);
  parent.on("drain", (body) => {
    const told = body as ToldDrain;
    if (told === "off") server.undrain();
    else server.drain(told.graceMs);
  });
  takeConnections(parent, (socket, onClosed) => server.adopt(socket, onClosed));
  parent.send("started", { tcp } satisfies Started);
  const announcement = { id: announceId, tcp, weight: 1, capacity: 0, draining: false };
  const announced = await registry.announce(announcement);

  await Promise.race([stopped, parent.closed]);
  await announced[Symbol.asyncDispose]();
  await server.close(graceMs);
}

async function verifierOf(options: TokenVerifierOptions | undefined): Promise<TokenVerifier | undefined> {
  if (!options) return undefined;
  const verifier = await openTokenVerifier(options);
  if (typeof verifier === "string") throw new TypeError(`Cannot check tokens: ${verifier}`);
  return verifier;
}

/** Opens what the server needs. Its balancer is the parent, so it announces itself there alone: nobody else can reach it. */
async function hold(
  parent: Channel,
  { data, redis, durable, announceId: instance }: ChildConfiguration,
  handlers: Pick<BackingOptions, "onError" | "onRestored" | "onGone" | "onBack">,
): Promise<Held> {
  const opened = new AsyncDisposableStack();
  const registry = opened.use(channelRegistry(parent));
  const close = (): Promise<void> => opened.disposeAsync();
  if (redis !== undefined) {
    const parts = opened.use(await openRedis(redis, { durable, instance, ...handlers }));
    return { ...parts, registry, [Symbol.asyncDispose]: close };
  }
  const bus = opened.use(channelBus(parent));
  const writer = opened.use(remoteWriter(parent, durable ?? "disk"));
  const store = opened.use(await sqliteStore({ dir: data, writer }));
  const presence = opened.use(channelPresence(parent, { server: instance, ...handlers }));
  return { store, bus, presence, registry, [Symbol.asyncDispose]: close };
}
