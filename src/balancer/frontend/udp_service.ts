import { type Clock, type Timer, TokenBucket } from "../../async/mod.ts";
import { type DatagramSocket, formatAddress, hostOf, type NetError, type TcpAddress } from "../../net/mod.ts";
import type { TableEntries } from "../connection/contract.ts";
import type { ConnectionTable } from "../connection/table.ts";
import type { Backend } from "../pool/backend.ts";
import type { Pool } from "../pool/pool.ts";
import type { ClientRoute } from "./client_route.ts";
import { judgeDescriptors } from "./descriptors.ts";
import type { FrontendHandler } from "./frontend.ts";
import { judgePath, judgeSender } from "./proxy_in.ts";
import { Reception } from "./reception.ts";
import { Refusal } from "./refusal.ts";
import { datagramRoute, readDatagramHeader } from "./udp_proxy.ts";
import { type UdpHome, UdpSession } from "./udp_session.ts";
import { accessOf, SESSION_TIMEOUT_MS, type UdpSettings } from "./udp_settings.ts";

/** What the sessions of a frontend are served with. */
export interface UdpServiceParts {
  readonly name: string;
  readonly nodeId: string;
  readonly table: ConnectionTable;
  readonly handler: FrontendHandler | undefined;
  readonly socket: DatagramSocket;
}

/** The most bytes that wait for sockets to open, of all sessions. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;
/** How often sessions are looked at within their timeout. */
const SWEEPS = 10;
/** How often a second the handler hears of a client that was refused, and of an error, at most. */
const TOLD_PER_SECOND = 10;

/** Knows the sessions of a UDP frontend, and which datagram belongs to which. */
export class UdpService implements UdpHome {
  readonly name: string;
  readonly nodeId: string;
  readonly clock: Clock;
  readonly table: ConnectionTable;
  readonly handler: FrontendHandler | undefined;
  readonly reception: Reception;
  pool: Pool;
  settings: UdpSettings;
  /** Datagrams that were dropped. */
  droppedDatagrams = 0;
  readonly #socket: DatagramSocket;
  readonly #sessions = new Map<string, UdpSession>();
  /** By sender, the session that the last PROXY header of its datagrams named. */
  readonly #named = new Map<string, UdpSession>();
  readonly #work = new Set<Promise<void>>();
  readonly #shut: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  #waitingBytes = 0;
  #sweeping: Timer | undefined;
  #isShutting = false;

  constructor(parts: UdpServiceParts, settings: UdpSettings, pool: Pool) {
    const { name, nodeId, table, handler, socket } = parts;
    this.name = name;
    this.nodeId = nodeId;
    this.clock = table.clock;
    this.table = table;
    this.handler = handler && tellingSome(handler, this.clock);
    this.settings = settings;
    this.pool = pool;
    this.#socket = socket;
    this.reception = new Reception(accessOf(settings), this.handler);
  }

  /** Sessions now. */
  get size(): number {
    return this.#sessions.size;
  }

  /** The entries of those sessions that have a backend. */
  get served(): TableEntries {
    const entries = this.#sessions.values().map(({ entry }) => entry);
    return new Set(entries.filter((entry) => entry !== undefined));
  }

  configure(settings: UdpSettings): void {
    this.settings = settings;
    this.reception.access = accessOf(settings);
    // The next look may be due earlier.
    this.#sweeping?.cancel();
    this.#sweeping = this.size > 0 ? this.#sweepLater() : undefined;
  }

  /** A datagram could not be sent or received. */
  failed(error: NetError): void {
    this.dropped();
    this.handler?.error?.(error, { during: "datagram" });
  }

  /** Takes a datagram from the frontend's socket. */
  receive(payload: Uint8Array, from: TcpAddress): void {
    const { proxyProtocolIn } = this.settings;
    if (proxyProtocolIn) {
      this.#receiveRelayed(payload, from, proxyProtocolIn);
      return;
    }
    const key = senderOf(from);
    const session = this.#sessions.get(key) ?? this.#begin(key, from, this.#directRoute(from));
    session?.take(payload);
  }

  /** Takes no new sessions. Resolves when the last has ended and the socket is closed. */
  drain(): Promise<void> {
    this.reception.isDraining = true;
    this.#shutIfEmpty();
    return this.#shut.promise;
  }

  /** The same, and ends the sessions that are left after `graceMs`. */
  async close(graceMs: number): Promise<void> {
    const drained = this.drain();
    if (graceMs <= 0) this.#endAll();
    const timer = this.clock.after(graceMs, () => this.#endAll());
    await drained;
    timer.cancel();
  }

  versionFor(backend: Backend): 1 | 2 | undefined {
    return this.settings.proxyProtocolOut ?? backend.proxy;
  }

  reply(payload: Uint8Array, to: TcpAddress): void {
    this.#socket.send(payload, to);
  }

  reserve(bytes: number): boolean {
    if (this.#waitingBytes + bytes > MAX_WAITING_BYTES) return false;
    this.#waitingBytes += bytes;
    return true;
  }

  free(bytes: number): void {
    this.#waitingBytes -= bytes;
  }

  dropped(): void {
    this.droppedDatagrams += 1;
  }

  track(work: Promise<void>): void {
    const settled = work.catch((error) => this.handler?.error?.(error, { during: "session" }));
    this.#work.add(settled);
    void settled.finally(() => this.#work.delete(settled));
  }

  left(session: UdpSession): void {
    const { key, sender } = session.client;
    this.#sessions.delete(key);
    if (this.#named.get(senderOf(sender)) === session) this.#named.delete(senderOf(sender));
    if (this.size > 0) return;
    this.#sweeping?.cancel();
    this.#sweeping = undefined;
    this.#shutIfEmpty();
  }

  #directRoute(from: TcpAddress): ClientRoute {
    return datagramRoute(from, this.#socket.address);
  }

  #receiveRelayed(
    datagram: Uint8Array,
    from: TcpAddress,
    { trusted }: NonNullable<UdpSettings["proxyProtocolIn"]>,
  ): void {
    const sender = senderOf(from);
    const relayed = readDatagramHeader(datagram, this.#directRoute(from), trusted);
    if (relayed instanceof Refusal) {
      this.#refuse(from, relayed);
      return;
    }
    if (!relayed) {
      const session = this.#named.get(sender);
      if (session) session.take(datagram);
      else this.#refuse(from, judgeSender(from, trusted) ?? withoutHeader(from));
      return;
    }
    const { route, payload } = relayed;
    const key = `${sender} ${formatAddress(route.source)}`;
    const session = this.#sessions.get(key) ?? this.#begin(key, from, route);
    if (!session) return;
    this.#named.set(sender, session);
    session.take(payload);
  }

  /** Begins a session, if it may be. */
  #begin(key: string, sender: TcpAddress, route: ClientRoute): UdpSession | undefined {
    const host = hostOf(route.source);
    const stay = this.reception.enter(host);
    const refusal =
      stay.judgeRoom() ?? judgePath(route, this.nodeId) ?? stay.admit(host) ?? judgeDescriptors(1);
    if (refusal) {
      stay.refuse(refusal);
      stay[Symbol.dispose]();
      return undefined;
    }
    const session = new UdpSession({ key, sender, route, stay }, this);
    this.#sessions.set(key, session);
    this.#sweeping ??= this.#sweepLater();
    return session;
  }

  #refuse(from: TcpAddress, refusal: Refusal): void {
    using stay = this.reception.enter(hostOf(from));
    stay.refuse(refusal);
  }

  #sweepLater(): Timer {
    const { sessionTimeoutMs = SESSION_TIMEOUT_MS } = this.settings;
    return this.clock.after(sessionTimeoutMs / SWEEPS, () => this.#sweep(sessionTimeoutMs));
  }

  /** One look at all, and so no timer for each. */
  #sweep(timeoutMs: number): void {
    const now = this.clock.now();
    for (const session of this.#sessions.values())
      if (now - session.activeAt >= timeoutMs) session.end("idle_timeout");
    this.#sweeping = this.size > 0 ? this.#sweepLater() : undefined;
  }

  #endAll(): void {
    for (const session of this.#sessions.values()) session.end("shutdown");
  }

  #shutIfEmpty(): void {
    if (!this.reception.isDraining || this.size > 0 || this.#isShutting) return;
    this.#isShutting = true;
    // drain() gives its end to whoever asks.
    this.#shutDown().then(this.#shut.resolve, this.#shut.reject);
  }

  async #shutDown(): Promise<void> {
    await Promise.all(this.#work);
    await this.#socket.close();
  }
}

/** The sender of a datagram, as a key. */
function senderOf({ host, port }: TcpAddress): string {
  return `${port} ${host}`;
}

function withoutHeader(from: TcpAddress): Refusal {
  const detail = `from ${hostOf(from)}: the datagram has no header, and none came before it; the first one must have one`;
  return new Refusal("proxy_header", detail);
}

/** The same handler, which hears only of some of those who are refused: senders of datagrams are easily forged, in any number. */
function tellingSome(handler: FrontendHandler, clock: Clock): FrontendHandler {
  const options = { ratePerSecond: TOLD_PER_SECOND, now: () => clock.now() };
  const [refusals, errors] = [new TokenBucket(options), new TokenBucket(options)];
  return {
    refused: (host, reason, detail) => {
      if (refusals.take()) handler.refused?.(host, reason, detail);
    },
    error: (error, context) => {
      if (errors.take()) handler.error?.(error, context);
    },
    ended: (client, reason) => handler.ended?.(client, reason),
    failed: (backend, error) => handler.failed?.(backend, error),
  };
}
