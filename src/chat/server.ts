import type { Socket } from "node:net";
import { type Clock, Occupancy, systemClock, type Timer, TokenBucket } from "../async/mod.ts";
import type { Bus } from "../bus/mod.ts";
import {
  type Accept,
  type Address,
  type AddressList,
  adopt,
  type Connection,
  type ConnectionHandler,
  type Driver,
  hostOf,
  type Listener,
} from "../net/mod.ts";
import { Accounts } from "./accounts.ts";
import { HostCounts } from "./host_counts.ts";
import { type ChatLimits, DEFAULT_LIMITS } from "./limits.ts";
import { type Caller, ProxyGate } from "./proxy_gate.ts";
import { answer } from "./requests.ts";
import { Session } from "./session.ts";
import type { SessionContext } from "./session_context.ts";
import type { Store } from "./store/mod.ts";
import { TcpLink } from "./tcp_link.ts";

/** Options for {@linkcode startChatServer}. The store and the bus stay the caller's: they are closed after the server. */
export interface ChatServerOptions {
  /** The server's name, as `login` tells it. */
  readonly id: string;
  /** Where it listens for TCP. */
  readonly listen: Address;
  readonly driver: Driver;
  readonly store: Store;
  readonly bus: Bus;
  /**
   * The addresses of balancers: they may ping without a login, and learn how the server is; and what they say in a PROXY header, of
   * version 1 or 2, is believed: that client's address then counts. All that can connect from there can claim any address.
   *
   * @default {nobody}
   */
  readonly trusted?: AddressList;
  /** The connections it can hold, as balancers are told. @default {0} which says nothing */
  readonly capacity?: number;
  /** @default {DEFAULT_LIMITS} */
  readonly limits?: Partial<ChatLimits>;
  /** @default {systemClock} */
  readonly clock?: Clock;
  /** Told of every failure that is not a client's, with what was being done. Must not throw. */
  readonly onError: (error: unknown, context: { readonly during: string }) => void;
}

/** A running chat server. */
export interface ChatServer extends AsyncDisposable {
  readonly id: string;
  /** Where it listens, with the real port. */
  readonly address: Address;
  /** Connections now, logged in or not. */
  readonly connections: number;
  /** Logged-in sessions now. */
  readonly sessions: number;
  /** Takes over a connection that another process accepted. `onClose` is called once when it is over. */
  adopt(socket: Socket, onClose: () => void): void;
  /** Brings every session what its hints may have missed: to be called after the bus was away. Failures go to `onError`. */
  reconcile(): Promise<void>;
  /**
   * Stops accepting, tells every client to go elsewhere within `graceMs`, and closes those still there when that time is over.
   * Idempotent: a second call does not prolong the first.
   */
  close(graceMs?: number): Promise<void>;
}

const SWEEP_MS = 1000;
/** Connections of one trusted address that count as its balancer's. */
const MAX_TRUSTED_CONNECTIONS = 4;
/** How often inboxes are looked at for entries whose hints were lost, in milliseconds, a fifth more or less. */
const RECONCILE_MS = 25_000;
/** Inboxes that are looked at together. */
const RECONCILED_AT_ONCE = 200;

/** Starts a chat server. Resolves when it listens. @throws {NetError} */
export async function startChatServer(options: ChatServerOptions): Promise<ChatServer> {
  const server = new Server(options);
  await server.listen(options.driver, options.listen);
  return server;
}

class Server implements ChatServer {
  readonly id: string;
  readonly #context: SessionContext;
  readonly #trusted: AddressList | undefined;
  readonly #all = new Set<Session>();
  readonly #inside = new Occupancy();
  readonly #gates = new Set<ProxyGate>();
  readonly #clients = new HostCounts();
  readonly #balancers = new HostCounts();
  readonly #registers = new Map<string, TokenBucket>();
  #listener: Listener | undefined;
  #sweepTimer: Timer;
  #reconcileTimer: Timer;
  #closing: Promise<void> | undefined;

  constructor(options: ChatServerOptions) {
    const { id, store, bus, onError, clock = systemClock } = options;
    this.id = id;
    this.#trusted = options.trusted;
    this.#context = {
      server: id,
      store,
      bus,
      clock,
      onError,
      limits: { ...DEFAULT_LIMITS, ...options.limits },
      accounts: new Accounts(store, clock),
      mayRegister: (host) => this.#mayRegister(host),
      status: () => ({
        connections: this.connections,
        capacity: options.capacity ?? 0,
        draining: this.#closing !== undefined,
      }),
    };
    this.#sweepTimer = clock.after(SWEEP_MS, () => this.#sweep());
    this.#reconcileTimer = this.#scheduleReconcile();
  }

  get address(): Address {
    return this.#listener?.address ?? { path: "" };
  }

  get connections(): number {
    return this.#inside.count;
  }

  get sessions(): number {
    let count = 0;
    for (const { phase } of this.#all) if (phase.name === "online") count += 1;
    return count;
  }

  async listen(driver: Driver, address: Address): Promise<void> {
    const { onError } = this.#context;
    try {
      this.#listener = await driver.listen(address, this.#accept(), {
        onError: (error, { during }) => onError(error, { during }),
      });
    } catch (error) {
      this.#sweepTimer.cancel();
      this.#reconcileTimer.cancel();
      throw error;
    }
  }

  adopt(socket: Socket, onClose: () => void): void {
    adopt(socket, (connection) => {
      this.#inside.enter();
      // Handed over as it was accepted, with the client's own address: nobody was there to send a header but the client.
      const host = hostOf(connection.remote);
      return this.#open(connection, { host, isBalancer: this.#trusted?.has(host) === true }, onClose);
    });
  }

  async reconcile(): Promise<void> {
    const sessions = [...this.#all];
    for (let start = 0; start < sessions.length; start += RECONCILED_AT_ONCE) {
      const some = sessions.slice(start, start + RECONCILED_AT_ONCE);
      await Promise.all(some.map((session) => this.#reconcile(session)));
    }
  }

  async #reconcile({ phase }: Session): Promise<void> {
    try {
      if (phase.name === "online") await phase.delivery.reconcile();
    } catch (error) {
      this.#context.onError(error, { during: "reconcile" });
    }
  }

  close(graceMs = 0): Promise<void> {
    this.#closing ??= this.#drain(graceMs);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #drain(graceMs: number): Promise<void> {
    await this.#listener?.close();
    for (const gate of this.#gates) gate.open();
    if (graceMs > 0) for (const session of this.#all) session.announceDrain(graceMs);
    const closeAll = (): void => {
      for (const session of this.#all) session.close("draining");
    };
    await this.#inside.emptied(graceMs, closeAll, this.#context.clock);
    this.#sweepTimer.cancel();
    this.#reconcileTimer.cancel();
  }

  /** Hints are lost in other ways, too: now and then every inbox is looked at, not on all servers at once. */
  #scheduleReconcile(): Timer {
    const delayMs = RECONCILE_MS * (0.8 + 0.4 * Math.random());
    return this.#context.clock.after(delayMs, () => {
      // Owned by nobody: it reports its own failures.
      void this.reconcile();
      this.#reconcileTimer = this.#scheduleReconcile();
    });
  }

  /** Makes each new connection a session; that of a balancer once it has said for whom it is. */
  #accept(): Accept {
    return (connection) => {
      this.#inside.enter();
      const host = hostOf(connection.remote);
      if (!this.#trusted?.has(host)) return this.#open(connection, { host, isBalancer: false });
      const { clock, onError } = this.#context;
      const forget = (): boolean => this.#gates.delete(gate);
      const gate = new ProxyGate(
        connection,
        {
          open: (_, caller) => {
            forget();
            return this.#open(connection, caller);
          },
          closed: () => {
            forget();
            this.#inside.leave();
          },
          onError,
        },
        clock,
      );
      this.#gates.add(gate);
      return gate;
    };
  }

  #open(connection: Connection, { host, isBalancer }: Caller, onClose?: () => void): ConnectionHandler {
    const link = new TcpLink(connection, host);
    // A balancer is one on its first few connections; whoever else comes from there is a client.
    const isTrusted = isBalancer && this.#balancers.count(host) < MAX_TRUSTED_CONNECTIONS;
    const session = new Session(link, this.#context, { answer, isTrusted });
    this.#add(session);
    return {
      data: (_, chunk) => session.receive(chunk),
      drain: () => session.drained(),
      end: () => session.ended(),
      close: () => {
        session.gone();
        this.#remove(session);
        onClose?.();
      },
    };
  }

  #add(session: Session): void {
    const { host } = session.link;
    const count = this.#countsOf(session).add(host);
    this.#all.add(session);
    if (this.#closing !== undefined) session.close("draining");
    else if (count > (this.#context.limits.connectionsPerHost ?? Infinity))
      session.refuse("too many connections from this address");
  }

  #remove(session: Session): void {
    this.#countsOf(session).remove(session.link.host);
    this.#all.delete(session);
    this.#inside.leave();
  }

  /** Balancers do not take the places of clients who come from the same address. */
  #countsOf({ isTrusted }: Session): HostCounts {
    return isTrusted ? this.#balancers : this.#clients;
  }

  /** One timer for all sessions, however many there are. */
  #sweep(): void {
    for (const gate of this.#gates) gate.sweep();
    for (const session of this.#all) session.sweep();
    for (const [host, bucket] of this.#registers) if (bucket.isFull) this.#registers.delete(host);
    this.#sweepTimer = this.#context.clock.after(SWEEP_MS, () => this.#sweep());
  }

  #mayRegister(host: string): boolean {
    const { limits, clock } = this.#context;
    if (limits.registersPerMinute === undefined) return true;
    const perMinute = limits.registersPerMinute;
    const bucket =
      this.#registers.get(host) ??
      new TokenBucket({ ratePerSecond: perMinute / 60, burst: perMinute, now: () => clock.now() });
    this.#registers.set(host, bucket);
    return bucket.take();
  }
}
