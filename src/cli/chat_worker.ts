/**
 * One worker of a `chorus chat` with several: a chat server in a process or a thread of its own, which listens on the address of all.
 *
 * @module
 */
import { isMainThread } from "node:worker_threads";
import { systemClock } from "../async/mod.ts";
import {
  type ChatLimits,
  type ChatServer,
  channelAdmission,
  type Durability,
  startChatServer,
  type TokenVerifierOptions,
} from "../chat/mod.ts";
import { systemDriver, type TcpAddress } from "../net/mod.ts";
import { type Channel, parentChannel, parentThread } from "../server/mod.ts";
import { openChildBacking } from "./child_backing.ts";
import { liveFor, verifierOf } from "./child_life.ts";
import { listeningOf, type ToldDrain } from "./child_servers.ts";
import { type LogOptions, logErrors, startLog } from "./log.ts";
import { ignoreSignals } from "./process.ts";
import { toAddressList } from "./role_flags.ts";
import { sessionDesk } from "./session_desk.ts";
import { stopServing } from "./stopping.ts";
import { serveDesk } from "./up_desk.ts";
import type { WebSettings } from "./web_flags.ts";

/** What the parent tells a worker first, on topic `configure`. */
export interface WorkerConfiguration {
  readonly id: string;
  /** What it is known by to other servers: new at each start. */
  readonly instance: string;
  /** Where all workers listen. */
  readonly listen: TcpAddress;
  readonly web: WebSettings | undefined;
  readonly data: string;
  readonly redis: string | undefined;
  readonly durable: Durability | undefined;
  readonly limits: ChatLimits;
  readonly capacity: number;
  readonly passwordCost: number;
  readonly trusted: readonly string[];
  /** What makes a verifier of tokens of somebody else's; the parent has tried it. */
  readonly tokens: TokenVerifierOptions | undefined;
  readonly graceMs: number;
  readonly log: LogOptions;
}

/** What a worker says on topic `load`, when it has changed. */
export interface Load {
  readonly connections: number;
  readonly sessions: number;
  /** The drains that it was told of. */
  readonly drains: number;
}

/** How often it looks whether its load has changed, in milliseconds. */
const LOOK_MS = 200;

const channel = parentThread() ?? parentChannel();
if (!channel) throw new Error("chat_worker.ts is started by chorus chat");
// A thread gets no signals.
if (isMainThread) ignoreSignals();
// Ends the process or the thread; never rejects but by a mistake of ours.
void liveFor(channel, serve);

async function serve(parent: Channel, configuration: WorkerConfiguration): Promise<void> {
  const { id, graceMs, listen, web, capacity, limits, passwordCost, tokens } = configuration;
  const onError = logErrors(await startLog(configuration.log));
  const stopped = new Promise<void>((resolve) => parent.on("stop", () => resolve()));
  const ending = new AbortController();
  let running: ChatServer | undefined;
  await using backing = await openChildBacking(parent, {
    ...configuration,
    onError,
    ending: ending.signal,
    onRestored: () => void running?.reconcile(),
    onGone: (users) => running?.usersGone(users),
    onBack: (users) => running?.usersBack(users),
  });
  const { store, bus, presence } = backing;
  const shared = {
    listen,
    web,
    reusePort: true,
    admission: channelAdmission(parent),
    driver: systemDriver(),
  };
  const settings = { id, capacity, limits, passwordCost, trusted: toAddressList(configuration.trusted) };
  const verifier = await verifierOf(tokens);
  await using server = await startChatServer({
    ...shared,
    ...settings,
    store,
    bus,
    presence,
    verifier,
    onError,
  });
  running = server;
  const desk = sessionDesk(server, store, { server: id });
  using _serving = serveDesk(parent, { desk, store, onError });
  using _telling = tellLoad(parent, server);
  parent.send("started", listeningOf(server));
  await Promise.race([stopped, parent.closed]);
  await stopServing({ graceMs, ending, close: () => server.close(graceMs) });
}

/** Obeys drains, and tells the parent how many are here: when that has changed, and after each drain. */
function tellLoad(parent: Channel, server: ChatServer): Disposable {
  let told: Load = { connections: 0, sessions: 0, drains: 0 };
  function tell(drains: number): void {
    const { connections, sessions } = server;
    if (connections === told.connections && sessions === told.sessions && drains === told.drains) return;
    told = { connections, sessions, drains };
    parent.send("load", told);
  }
  parent.on("drain", (body) => {
    const order = body as ToldDrain;
    if (order === "off") server.undrain();
    else server.drain(order.graceMs);
    tell(told.drains + 1);
  });
  function look(): void {
    tell(told.drains);
    timer = systemClock.after(LOOK_MS, look);
  }
  let timer = systemClock.after(LOOK_MS, look);
  return { [Symbol.dispose]: () => timer.cancel() };
}
