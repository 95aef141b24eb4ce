/**
 * A chat server as a child of `chorus up`: a process of its own, told by its parent what to do.
 *
 * @module
 */
import {
  type ChatLimits,
  type ChatServer,
  type Durability,
  startChatServer,
  type TokenVerifierOptions,
} from "../chat/mod.ts";
import { systemDriver } from "../net/mod.ts";
import { type Announced, channelRegistry, type Registry } from "../registry/mod.ts";
import { type Channel, parentChannel, takeConnections } from "../server/mod.ts";
import { openChildBacking } from "./child_backing.ts";
import { liveFor, verifierOf } from "./child_life.ts";
import { listeningOf, type Started, type ToldDrain } from "./child_servers.ts";
import { type LogOptions, logErrors, startLog } from "./log.ts";
import { ignoreSignals } from "./process.ts";
import { toAddressList } from "./role_flags.ts";
import { sessionDesk } from "./session_desk.ts";
import { stopServing } from "./stopping.ts";
import { serveDesk } from "./up_desk.ts";
import type { WebSettings } from "./web_flags.ts";

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
  readonly web: WebSettings | undefined;
  readonly graceMs: number;
  readonly log: LogOptions;
}

const channel = parentChannel();
if (!channel) throw new Error("up_child.ts is started by chorus up");
ignoreSignals();
await liveFor(channel, serve);

async function serve(parent: Channel, options: ChildConfiguration): Promise<void> {
  const { id, announceId: instance, data, redis, durable, limits, passwordCost, web, graceMs } = options;
  const log = await startLog(options.log);
  const onError = logErrors(log);
  const stopped = new Promise<void>((resolve) => parent.on("stop", () => resolve()));

  const ending = new AbortController();
  let running: ChatServer | undefined;
  await using backing = await openChildBacking(parent, {
    ...{ data, redis, durable, instance, onError, ending: ending.signal },
    onRestored: () => void running?.reconcile(),
    onGone: (users) => running?.usersGone(users),
    onBack: (users) => running?.usersBack(users),
  });
  // Its balancer is the parent, so it announces itself there alone: nobody else can reach it.
  await using registry = channelRegistry(parent);
  const { store, bus, presence } = backing;
  await using server = await startChatServer({
    ...{ id, store, bus, presence, limits, passwordCost, onError },
    web,
    listen: { host: "127.0.0.1", port: 0 },
    driver: systemDriver(),
    // The balancer is the parent, on this machine.
    trusted: toAddressList(["127.0.0.0/8", "::1"]),
    verifier: await verifierOf(options.tokens),
  });
  running = server;
  const desk = sessionDesk(server, store, { server: id });
  using _serving = serveDesk(parent, { desk, store, onError });
  takeConnections(parent, (socket, onClosed) => server.adopt(socket, onClosed), onError);
  const announced = await announce(parent, registry, { server, instance });

  await Promise.race([stopped, parent.closed]);
  await stopServing({
    graceMs,
    ending,
    sayGoodbye: () => announced[Symbol.asyncDispose](),
    close: () => server.close(graceMs),
  });
}

/**
 * Says where the server is, to the parent and to its balancer, and obeys drains.
 *
 * Its two sides are announced each for a pool of its own. It is the pool `chat` that is told of drains, and knows of their end at once;
 * that of the other side has to be told that nobody is to come there meanwhile.
 */
async function announce(
  parent: Channel,
  registry: Registry,
  { server, instance }: { readonly server: ChatServer; readonly instance: string },
): Promise<AsyncDisposable> {
  const announced = new AsyncDisposableStack();
  let web: Announced | undefined;
  parent.on("drain", (body) => {
    const told = body as ToldDrain;
    web?.update({ draining: told !== "off" });
    if (told !== "off") return server.drain(told.graceMs);
    server.undrain();
    parent.send("undrained", {});
  });
  const listening = listeningOf(server);
  parent.send("started", listening satisfies Started);
  const common = { weight: 1, capacity: 0, draining: false };
  if (listening.web !== undefined) {
    web = await registry.announce({ ...common, id: `${instance}-web`, tcp: listening.web, pool: "web" });
    announced.use(web);
    // Its parent may have been quicker.
    if (server.draining) web.update({ draining: true });
  }
  announced.use(await registry.announce({ ...common, id: instance, tcp: listening.tcp }));
  return announced;
}
