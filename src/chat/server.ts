import type { Socket } from "node:net";
import { KeyCounts, Occupancy, systemClock, type Timer } from "../async/mod.ts";
import type { Subscription } from "../bus/mod.ts";
import {
  type Address,
  adopt,
  type Connection,
  type ConnectionHandler,
  type Driver,
  hostOf,
  type Listener,
} from "../net/mod.ts";
import { LineDecoder } from "../wire/mod.ts";
import { Accounts } from "./account/accounts.ts";
import { LoginTurns } from "./account/login_turns.ts";
import { type Admission, localAdmission } from "./admission/admission.ts";
import { type ChatCounters, chatCounters } from "./counters.ts";
import { Reconciling } from "./delivery/reconciling.ts";
import { Draining, type ServerDrain } from "./draining.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import { EVERYBODY, readPayload } from "./notice.ts";
import { localPresence } from "./presence/mod.ts";
import { PresenceFeed } from "./presence/presence_feed.ts";
import { MAX_CLIENT_FRAME_BYTES } from "./protocol.ts";
import type { Caller } from "./proxy_gate.ts";
import { ProxyGates } from "./proxy_gates.ts";
import { answer } from "./requests/answer.ts";
import { SignalRoutes } from "./requests/signal_routes.ts";
import type { ChatServer, ChatServerOptions, WebOptions } from "./server_contract.ts";
import type { Link } from "./session/link.ts";
import { RequestFailures } from "./session/request_failures.ts";
import { Session } from "./session/session.ts";
import type { SessionContext } from "./session/session_context.ts";
import { SessionControl } from "./session/session_control.ts";
import { TcpLink, WriteTick } from "./session/tcp_link.ts";
import type { WebServer } from "./web/web_server.ts";

export type { ChatServer, ChatServerOptions, WebOptions } from "./server_contract.ts";

const SWEEP_MS = 1000;
/** How long clients that were closed at the end of the grace may take to leave, in milliseconds: whoever starts servers waits 5 s for them to end. */
const GOODBYE_MS = 3000;
/** Connections of one trusted address that count as its balancer's. */
const MAX_TRUSTED_CONNECTIONS = 4;

/**
 * Starts a chat server. Resolves when it listens.
 *
 * @example A server that is alone, with its data in a folder
 * ```ts
 * import assert from "node:assert/strict";
 * import { localBus, openWriter, registerChat, sqliteStore, startChatServer, systemDriver, tcpDial } from "chorus";
 *
 * const [dir, driver, onError] = ["/var/lib/chorus", systemDriver(), console.error];
 * await using bus = localBus();
 * const hint = (user: string, line: Uint8Array) => bus.publish(`user:${user}`, line);
 * await using writer = await openWriter({ dir, hint, onError });
 * await using store = await sqliteStore({ dir, writer });
 * const listen = { host: "127.0.0.1", port: 0 };
 * await using server = await startChatServer({ id: "chat-1", listen, driver, store, bus, onError });
 * await registerChat({ dial: tcpDial(driver, [server.address]), name: "ada", password: "secret" });
 * assert.equal((await store.findUser("ada"))?.name, "ada");
 * ```
 *
 * @throws {NetError} As `Driver.listen`.
 * @throws {BusError} When the bus does not answer.
 */
export async function startChatServer(options: ChatServerOptions): Promise<ChatServer> {
  const server = new Server(options);
  await server.listen(options);
  return server;
}

class Server implements ChatServer {
  readonly id: string;
  readonly control: SessionControl;
  readonly #context: SessionContext;
  readonly #all = new Set<Session>();
  readonly #inside = new Occupancy();
  readonly #tick = new WriteTick();
  readonly #gates: ProxyGates;
  /** Trusted connections by address: balancers of one network are counted each. */
  readonly #balancers = new KeyCounts();
  readonly #admission: Admission;
  readonly #reconciling: Reconciling;
  readonly #draining: Draining;
  #everybody: Subscription | undefined;
  #listener: Listener | undefined;
  #web: WebServer | undefined;
  #sweepTimer: Timer;
  #closing: Promise<void> | undefined;
  #lastSession = 0;

  constructor(options: ChatServerOptions) {
    const { id: server, store, bus, onError, clock = systemClock, verifier, passwordCost } = options;
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    const presence = options.presence ?? localPresence({ server, clock, onError, onGone: () => undefined });
    const sessions = this.#all;
    this.id = server;
    this.#gates = new ProxyGates({ trusted: options.trusted, clock, onError });
    this.#admission = options.admission ?? localAdmission({ limits, clock });
    this.#draining = new Draining(sessions, clock);
    this.#reconciling = new Reconciling({ sessions, store, clock, onError });
    this.control = new SessionControl({ server, sessions, store, bus, wallNow: () => clock.wallNow() });
    this.#context = {
      server,
      store,
      bus,
      clock,
      onError,
      limits,
      counters: chatCounters(),
      accounts: new Accounts({ store, clock, loginFailures: limits.loginFailures, verifier, passwordCost }),
      presence: new PresenceFeed({ presence, store, bus, clock, onError }),
      signals: new SignalRoutes(store, clock),
      logins: new LoginTurns(),
      failures: new RequestFailures({ clock, onError }),
      loggedIn: (session) => this.#draining.loggedIn(session),
      suspect: () => this.#reconciling.soon(),
      leaving: new Set(),
      registerWaitMs: (host) => this.#admission.registerWaitMs(host),
      status: () => ({
        connections: this.connections + this.#admission.elsewhere,
        capacity: options.capacity ?? 0,
        draining: this.draining !== undefined,
      }),
    };
    this.#sweepTimer = clock.after(SWEEP_MS, () => this.#sweep());
  }

  get address(): Address {
    return this.#listener?.address ?? { path: "" };
  }

  get web(): Address | undefined {
    return this.#web?.address;
  }

  get connections(): number {
    return this.#inside.count - this.#admission.refused;
  }

  get sessions(): number {
    return this.#draining.online;
  }

  get draining(): ServerDrain | undefined {
    return this.#draining.progress;
  }

  get counters(): Readonly<ChatCounters> {
    return this.#context.counters;
  }

  async listen(options: ChatServerOptions): Promise<void> {
    const { driver, listen, reusePort = false, web } = options;
    const { bus, onError } = this.#context;
    try {
      this.#everybody = await bus.subscribe(EVERYBODY, (payload) => this.#receive(payload));
      if (web) this.#web = await this.#openWeb(web, driver, reusePort);
      const accept = this.#gates.accept({
        entered: () => this.#inside.enter(),
        open: (connection, caller) => this.#open(connection, caller),
        left: () => this.#inside.leave(),
      });
      this.#listener = await driver.listen(listen, accept, {
        reusePort,
        onError: (error, { during }) => onError(error, { during }),
      });
    } catch (error) {
      await this.#end();
      throw error;
    }
  }

  adopt(socket: Socket, onClose: () => void): void {
    adopt(socket, (connection) => {
      this.#inside.enter();
      // Handed over as it was accepted, with the client's own address: nobody was there to send a header but the client.
      const host = hostOf(connection.remote);
      return this.#open(connection, { host, isBalancer: this.#gates.trusts(host) }, onClose);
    });
  }

  reconcile(): Promise<void> {
    return this.#reconciling.now();
  }

  usersGone(users: readonly string[]): void {
    this.#context.presence.gone(users);
  }

  usersBack(users: readonly string[]): void {
    this.#context.presence.back(users);
  }

  drain(graceMs: number): void {
    if (this.#closing === undefined) this.#draining.start(graceMs);
  }

  undrain(): void {
    if (this.#closing === undefined) this.#draining.stop();
  }

  close(graceMs = 0): Promise<void> {
    this.#closing ??= this.#close(graceMs);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(graceMs: number): Promise<void> {
    await Promise.all([this.#listener?.close(), this.#web?.stop()]);
    this.#gates.open();
    this.#draining.start(graceMs);
    const late = this.#context.clock.after(graceMs + GOODBYE_MS, () => {
      for (const { link } of this.#all) link.abort();
    });
    await this.#inside.empty().finally(() => late.cancel());
    this.#draining.stop();
    await this.#end();
  }

  /** Lets go of everything but the clients. */
  async #end(): Promise<void> {
    this.#sweepTimer.cancel();
    await this.#web?.[Symbol.asyncDispose]();
    await this.#reconciling.close();
    await this.#everybody?.[Symbol.asyncDispose]();
    await Promise.all(this.#context.leaving);
    await this.#context.presence[Symbol.asyncDispose]();
  }

  /** Something for all sessions of all servers has come. */
  #receive(payload: Uint8Array): void {
    const found = readPayload(payload);
    if (found.kind === "frame") for (const session of this.#all) session.pass(found.line);
  }

  /** Opens the HTTP and WebSocket side. */
  async #openWeb(web: WebOptions, driver: Driver, reusePort: boolean): Promise<WebServer> {
    const { readPageFiles, startWebServer } = await import("./web/mod.ts");
    const { clock, onError, limits } = this.#context;
    const { listen, origins = [] } = web;
    return await startWebServer({
      ...{ driver, listen, reusePort, origins, clock, onError },
      files: readPageFiles(),
      gates: this.#gates,
      connectionsPerHost: limits.connectionsPerHost,
      health: () => ({ server: this.id, healthy: true, draining: this.draining !== undefined }),
      sessions: {
        open: (link, caller) => {
          this.#inside.enter();
          return this.#begin(link, caller);
        },
        close: (session) => this.#remove(session),
      },
    });
  }

  #open(connection: Connection, caller: Caller, onClose?: () => void): ConnectionHandler {
    const link = new TcpLink(connection, caller.host, this.#tick);
    const session = this.#begin(link, caller);
    const frames = new LineDecoder(MAX_CLIENT_FRAME_BYTES, {
      line: (line) => session.receive(line),
      tooLong: () => session.refuseLong(),
    });
    return {
      data(_, chunk) {
        session.heard();
        frames.push(chunk);
      },
      drain: () => {
        link.drained();
        session.drained();
      },
      end: () => session.ended(),
      close: () => {
        session.gone();
        this.#remove(session);
        onClose?.();
      },
    };
  }

  #begin(link: Link, { host, isBalancer }: Caller): Session {
    // A balancer is one on its first few connections; whoever else comes from there is a client.
    const isTrusted = isBalancer && this.#balancers.count(host) < MAX_TRUSTED_CONNECTIONS;
    this.#lastSession += 1;
    const id = `${this.id}.${this.#lastSession}`;
    const session = new Session(link, this.#context, { id, answer, isTrusted });
    this.#add(session);
    return session;
  }

  #add(session: Session): void {
    this.#all.add(session);
    if (this.#closing !== undefined) session.close("draining");
    // Balancers do not take the places of clients who come from the same address.
    if (session.isTrusted) this.#balancers.add(session.link.host);
    else this.#admission.enter(session);
  }

  #remove(session: Session): void {
    if (session.isTrusted) this.#balancers.remove(session.link.host);
    else this.#admission.leave(session);
    this.#all.delete(session);
    this.#inside.leave();
  }

  /** One timer for all sessions, however many there are. */
  #sweep(): void {
    this.#gates.sweep();
    this.#web?.sweep();
    for (const session of this.#all) session.sweep();
    this.#admission.sweep();
    this.#sweepTimer = this.#context.clock.after(SWEEP_MS, () => this.#sweep());
  }
}
