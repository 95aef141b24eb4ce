/**
 * Real servers of datagrams behind a frontend, and clients before it.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { withDeadline } from "../../../src/async/mod.ts";
import { ConnectionTable } from "../../../src/balancer/connection/table.ts";
import {
  startUdpFrontend,
  type UdpFrontend,
  type UdpFrontendOptions,
} from "../../../src/balancer/frontend/udp_frontend.ts";
import type { Pool } from "../../../src/balancer/pool/pool.ts";
import { bindDatagram, connectDatagram, type DatagramSocket, type TcpAddress } from "../../../src/net/mod.ts";
import { DEADLINE_MS } from "../../net/recording.ts";
import { poolAt } from "./frontends.ts";

/** Where sockets of tests are. */
export const HERE: TcpAddress = { host: "127.0.0.1", port: 0 };

/** A server that gives back each datagram, after its own name and a colon. */
export class Echo implements AsyncDisposable {
  readonly name: string;
  /** What came, in order. */
  readonly received: Buffer[] = [];
  /** Who sent it. */
  readonly senders: TcpAddress[] = [];
  readonly #socket: DatagramSocket;

  private constructor(name: string, socket: DatagramSocket) {
    this.name = name;
    this.#socket = socket;
  }

  static async start(name: string, at: TcpAddress = HERE): Promise<Echo> {
    let echo: Echo | undefined;
    const socket = await bindDatagram(at, {
      message: (payload, from) => {
        if (echo) echo.#answer(payload, from);
      },
    });
    echo = new Echo(name, socket);
    return echo;
  }

  get address(): TcpAddress {
    return this.#socket.address;
  }

  /** Sends something that nobody asked for. */
  say(text: string, to: TcpAddress): void {
    this.#socket.send(Buffer.from(text), to);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#socket.close();
  }

  #answer(payload: Uint8Array, from: TcpAddress): void {
    this.received.push(Buffer.from(payload));
    this.senders.push(from);
    this.#socket.send(Buffer.concat([Buffer.from(`${this.name}:`), payload]), from);
  }
}

/** A client, which hears only the address that it sends to. */
export class Asker implements AsyncDisposable {
  readonly #socket: DatagramSocket;
  readonly #heard: Buffer[] = [];
  #waiting: (() => void) | undefined;

  private constructor(socket: DatagramSocket) {
    this.#socket = socket;
  }

  static async connect(to: TcpAddress): Promise<Asker> {
    let asker: Asker | undefined;
    const socket = await connectDatagram(to, {
      message: (payload) => {
        if (asker) asker.#hear(Buffer.from(payload));
      },
    });
    asker = new Asker(socket);
    return asker;
  }

  /** Where its datagrams come from. */
  get address(): TcpAddress {
    // Deno does not know the host of a socket that is connected.
    return { host: "127.0.0.1", port: this.#socket.address.port };
  }

  send(payload: string | Uint8Array): void {
    this.#socket.send(Buffer.from(payload));
  }

  /** The next datagram that comes, or has come. */
  async next(): Promise<Buffer> {
    const first = this.#heard.shift();
    if (first) return first;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting = resolve;
    await withDeadline(promise, DEADLINE_MS, "see a datagram");
    return await this.next();
  }

  /** Sends, and gives what comes next as a text. */
  async ask(payload: string | Uint8Array): Promise<string> {
    this.send(payload);
    return (await this.next()).toString();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#socket.close();
  }

  #hear(payload: Buffer): void {
    this.#heard.push(payload);
    this.#waiting?.();
  }
}

/** Echo servers `a`, `b` and so on behind a frontend. */
export class Datagrams implements AsyncDisposable {
  readonly echoes: readonly Echo[];
  readonly pool: Pool;
  readonly table: ConnectionTable;
  readonly frontend: UdpFrontend;
  readonly #stack: AsyncDisposableStack;

  private constructor(
    parts: Pick<Datagrams, "echoes" | "pool" | "table" | "frontend">,
    stack: AsyncDisposableStack,
  ) {
    this.echoes = parts.echoes;
    this.pool = parts.pool;
    this.table = parts.table;
    this.frontend = parts.frontend;
    this.#stack = stack;
  }

  static async start(
    count: number,
    options: Partial<UdpFrontendOptions> & { readonly policy?: Pool["policy"] } = {},
  ): Promise<Datagrams> {
    const stack = new AsyncDisposableStack();
    const names = Array.from({ length: count }, (_, index) => String.fromCharCode(97 + index));
    const echoes = await Promise.all(names.map((name) => Echo.start(name)));
    for (const echo of echoes) stack.use(echo);
    const addresses = echoes.map(({ address }) => address);
    const specs = names.map((name) => ({ name }));
    const { table = new ConnectionTable(), policy } = options;
    const pool = stack.use(options.pool ?? poolAt(addresses, policy, specs, table.clock));
    const frontend = stack.use(await startUdpFrontend({ listen: HERE, ...options, pool, table }));
    return new Datagrams({ echoes, pool, table, frontend }, stack);
  }

  /** A new client, who goes away with the world. */
  async client(): Promise<Asker> {
    return this.#stack.use(await Asker.connect(this.frontend.address));
  }

  /** How many sessions each backend has. */
  get active(): number[] {
    return Array.from(this.pool.backends(), ({ active }) => active);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}
