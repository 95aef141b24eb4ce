/**
 * A chat server as a child of `chorus up`: a process of its own, told by its parent what to do.
 *
 * @module
 */
import process from "node:process";
import {
  type ChatLimits,
  type ChatServer,
  type Durability,
  openTokenVerifier,
  startChatServer,
  type TokenVerifier,
  type TokenVerifierOptions,
} from "../chat/mod.ts";
import { formatAddress, systemDriver } from "../net/mod.ts";
import { channelRegistry } from "../registry/mod.ts";
import { type Channel, parentChannel, takeConnections } from "../server/mod.ts";
import { openChildBacking } from "./child_backing.ts";
import type { Started, ToldDrain } from "./child_servers.ts";
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
  const { id, announceId: instance, data, redis, durable, limits, passwordCost, graceMs } = options;
  const log = await startLog(options.log);
  const onError = logErrors(log);
  const stopped = new Promise<void>((resolve) => parent.on("stop", () => resolve()));

  let running: ChatServer | undefined;
  await using backing = await openChildBacking(parent, {
    ...{ data, redis, durable, instance, onError },
    onRestored: () => void running?.reconcile(),
    onGone: (users) => running?.usersGone(users),
    onBack: (users) => running?.usersBack(users),
  });
  // Its balancer is the parent, so it announces itself there alone: nobody else can reach it.
  await using registry = channelRegistry(parent);
  const { store, bus, presence } = backing;
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
  const announcement = { id: instance, tcp, weight: 1, capacity: 0, draining: false };
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
