import { Buffer } from "node:buffer";
import type { Hooks, Message, Peer } from "crossws";
import { type Clock, KeyCounts, wait } from "../../async/mod.ts";
import {
  type Address,
  type Connection,
  type Driver,
  type Listener,
  networkOf,
  type TcpAddress,
  toNetError,
} from "../../net/mod.ts";
import { type PageFile, requestUrl } from "../../server/mod.ts";
import type { Caller } from "../proxy_gate.ts";
import type { ProxyGates } from "../proxy_gates.ts";
import { DrainWatch } from "../session/drain_watch.ts";
import type { Link } from "../session/link.ts";
import type { Session } from "../session/session.ts";
import { FrameTexts, WebSocketLink } from "../session/web_socket_link.ts";
import { hasBody, sayJson, sayWhy, sendFile } from "./answers.ts";
import { callerPort } from "./caller_port.ts";
import { isAllowedOrigin } from "./origin.ts";
import { Relay } from "./relay.ts";

/** Where WebSockets are opened: also at the root, for those who know only a host. */
const SOCKET_PATHS = ["/ws", "/"];
/** Connections of an address beyond those it may have sessions on: who has too many WebSockets is told so, and may see the page. */
const SPARE_CONNECTIONS = 64;
/** How long the HTTP server may take to end once all its connections are gone, in milliseconds. */
const CLOSE_MS = 1000;

/** The session looks after silence by itself, and a client that is not read from cannot answer pings. */
const NO_IDLE_TIMEOUT = { idleTimeout: 0 };

/** Options for {@linkcode startWebServer}. */
export interface WebServerOptions {
  readonly driver: Driver;
  readonly listen: Address;
  readonly reusePort: boolean;
  /** The sites whose pages may connect. Empty: those of the host that is asked. */
  readonly origins: readonly string[];
  /** The files of the page by their paths. */
  readonly files: ReadonlyMap<string, PageFile>;
  readonly gates: ProxyGates;
  readonly clock: Clock;
  /** Sessions of one address; a few more connections are let in. Undefined: as many as come. */
  readonly connectionsPerHost: number | undefined;
  readonly sessions: WebSessions;
  /** What `GET /health` says. */
  readonly health: () => unknown;
  readonly onError: (error: unknown, context: { readonly during: string }) => void;
}

/** Who has the sessions. */
export interface WebSessions {
  open(link: Link, caller: Caller): Session;
  close(session: Session): void;
}

/** The running HTTP and WebSocket side of a chat server. */
export interface WebServer extends AsyncDisposable {
  readonly address: Address;
  /** Stops accepting. Those who are here stay. */
  stop(): Promise<void>;
  /** To be called about every second. */
  sweep(): void;
}

/** One connection, and the session that it carries once it is a WebSocket. */
interface Visitor {
  readonly caller: Caller;
  readonly relay: Relay;
  port: number | undefined;
  seat: { readonly session: Session; readonly link: WebSocketLink } | undefined;
}

/**
 * Starts the HTTP and WebSocket side of a chat server.
 *
 * Connections are accepted by `net`, which knows whose they are, and relayed to an HTTP server on a loopback port that serves nobody
 * else: those of Bun and Deno take no connection that is accepted already, read no PROXY header and cannot stop reading.
 *
 * @throws {NetError} `in_use` and the like.
 */
export async function startWebServer(options: WebServerOptions): Promise<WebServer> {
  const server = new Server(options);
  await server.start();
  return server;
}

class Server implements WebServer {
  readonly #options: WebServerOptions;
  readonly #visitors = new Set<Visitor>();
  /** By the port from which the HTTP server sees them come. */
  readonly #byPort = new Map<number, Visitor>();
  /** Connections by network. */
  readonly #hosts = new KeyCounts();
  readonly #watch: DrainWatch;
  readonly #texts = new FrameTexts();
  #http: { readonly address: TcpAddress; close(isAll?: boolean): Promise<void> } | undefined;
  #listener: Listener | undefined;

  constructor(options: WebServerOptions) {
    this.#options = options;
    this.#watch = new DrainWatch(options.clock);
  }

  get address(): Address {
    return this.#listener?.address ?? { path: "" };
  }

  async start(): Promise<void> {
    const { driver, listen, reusePort, gates, onError } = this.#options;
    try {
      this.#http = await this.#startHttp();
      const accept = gates.accept({
        entered: () => undefined,
        left: () => undefined,
        open: (connection, caller) => this.#receive(connection, caller),
      });
      this.#listener = await driver.listen(listen, accept, {
        reusePort,
        onError: (error, { during }) => onError(error, { during }),
      });
    } catch (error) {
      await this[Symbol.asyncDispose]();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.#listener?.close();
  }

  sweep(): void {
    for (const { relay } of this.#visitors) relay.sweep();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    for (const { relay } of [...this.#visitors]) relay.abort();
    const { clock } = this.#options;
    const given = new AbortController();
    // A runtime may still count connections that are gone; nothing of ours is left on them.
    const late = wait(CLOSE_MS, { clock, signal: given.signal }).then(
      () => this.#http?.close(true),
      () => undefined,
    );
    await Promise.race([this.#http?.close(), late]);
    given.abort();
  }

  async #startHttp() {
    const [{ serve }, { plugin }] = await Promise.all([import("srvx"), import("crossws/server")]);
    const host = "127.0.0.1";
    try {
      const server = serve({
        hostname: host,
        port: 0,
        silent: true,
        gracefulShutdown: false,
        plugins: [
          plugin({
            ...this.#hooks(),
            options: { node: NO_IDLE_TIMEOUT, bun: NO_IDLE_TIMEOUT, deno: NO_IDLE_TIMEOUT },
          }),
        ],
        fetch: (request) => this.#answer(request),
        error: () => sayWhy(500, "the server failed; this is not your fault"),
      });
      await server.ready();
      const address = { host, port: Number(new URL(server.url ?? "").port) };
      return { address, close: async (isAll = false) => await server.close(isAll) };
    } catch (error) {
      throw toNetError(error, "listen on a loopback port for --web");
    }
  }

  #receive(client: Connection, caller: Caller): Relay {
    const { driver, clock, connectionsPerHost, onError } = this.#options;
    const server = this.#http?.address ?? { host: "", port: 0 };
    const relay = new Relay({
      client,
      driver,
      server,
      clock,
      onConnected: (port) => {
        visitor.port = port;
        this.#byPort.set(port, visitor);
      },
      handler: {
        stuck: () => visitor.seat?.session.refuseLong(),
        moved: () => visitor.seat?.link.look(),
        over: () => this.#leave(visitor),
        onError,
      },
    });
    const visitor: Visitor = { caller, relay, port: undefined, seat: undefined };
    this.#visitors.add(visitor);
    const most = (connectionsPerHost ?? Number.POSITIVE_INFINITY) + SPARE_CONNECTIONS;
    if (this.#hosts.add(networkOf(caller.host)) > most) relay.abort();
    return relay;
  }

  #leave(visitor: Visitor): void {
    const { port, seat, caller } = visitor;
    this.#visitors.delete(visitor);
    this.#hosts.remove(networkOf(caller.host));
    if (port !== undefined && this.#byPort.get(port) === visitor) this.#byPort.delete(port);
    if (!seat) return;
    visitor.seat = undefined;
    seat.link.gone();
    seat.session.gone();
    this.#options.sessions.close(seat.session);
  }

  /** Whose request it is; undefined for somebody who found the HTTP server's own port. */
  #visitorOf(request: Request): Visitor | undefined {
    const visitor = this.#byPort.get(callerPort(request) ?? -1);
    visitor?.relay.seen();
    return visitor;
  }

  #answer(request: Request): Response {
    const visitor = this.#visitorOf(request);
    if (!visitor) return sayWhy(403, "this port is not to be used");
    const answer = this.#find(request);
    if (hasBody(request)) {
      // Nobody reads it, and a next request would come behind it.
      visitor.relay.endRequests();
      answer.headers.set("connection", "close");
    }
    return answer;
  }

  #find(request: Request): Response {
    if (request.method !== "GET" && request.method !== "HEAD")
      return sayWhy(405, "only GET and HEAD", { allow: "GET, HEAD" });
    const pathname = requestUrl(request)?.pathname;
    if (pathname === undefined) return sayWhy(400, "the Host is malformed");
    if (pathname === "/health") return sayJson(this.#options.health());
    const file = this.#options.files.get(pathname);
    if (file) return sendFile(request, file);
    if (SOCKET_PATHS.includes(pathname))
      return sayWhy(426, "open a WebSocket here", { upgrade: "websocket" });
    return sayWhy(404, "there is nothing here");
  }

  #hooks(): Partial<Hooks> {
    return {
      upgrade: (request) => this.#admit(request as Request),
      open: (peer) => this.#guarded(peer, (visitor) => this.#open(visitor, peer)),
      message: (peer, message) => this.#guarded(peer, (visitor) => take(visitor, message)),
      close: (peer) => this.#guarded(peer, ({ relay }) => relay.finish()),
    };
  }

  /** Whether a WebSocket may be opened, and for whom. */
  #admit(request: Request): Response | { readonly context: Record<string, unknown> } {
    const visitor = this.#visitorOf(request);
    if (!visitor) return sayWhy(403, "this port is not to be used");
    if (!SOCKET_PATHS.includes(requestUrl(request)?.pathname ?? ""))
      return sayWhy(404, "there is nothing here");
    const claim = { origin: request.headers.get("origin"), host: request.headers.get("host") };
    if (!isAllowedOrigin(claim, this.#options.origins))
      return sayWhy(403, "pages of another site may not connect");
    visitor.relay.upgrading();
    return { context: { visitor } };
  }

  /** Does something for a peer; what it throws is that peer's own end. */
  #guarded(peer: Peer, work: (visitor: Visitor) => void): void {
    const { visitor } = peer.context as { visitor?: Visitor };
    if (!visitor) return;
    try {
      work(visitor);
    } catch (error) {
      this.#options.onError(error, { during: "serve a WebSocket" });
      visitor.relay.abort();
    }
  }

  #open(visitor: Visitor, peer: Peer): void {
    const { caller, relay } = visitor;
    // It may have gone while its WebSocket was being opened.
    if (!this.#visitors.has(visitor)) return;
    relay.upgraded();
    const link = new WebSocketLink({
      host: caller.host,
      peer,
      carrier: relay,
      watch: this.#watch,
      texts: this.#texts,
      onDrained: () => visitor.seat?.session.drained(),
    });
    visitor.seat = { link, session: this.#options.sessions.open(link, caller) };
  }
}

/** Gives a message to its session. */
function take({ relay, seat }: Visitor, { rawData }: Message): void {
  relay.seen();
  seat?.session.heard();
  if (typeof rawData === "string") seat?.session.receive(Buffer.from(rawData));
  else seat?.session.receiveForeign("a frame is a text message, not a binary one");
}
