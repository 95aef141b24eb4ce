import {
  type Address,
  type Connection,
  type ConnectionHandler,
  type ConnectOptions,
  connectTls,
  type Driver,
  type TlsClientContext,
  tlsCarrierDriver,
} from "../../net/mod.ts";
import type { Backend } from "../pool/backend.ts";
import type { Probe } from "../probe/mod.ts";
import { type ClientRoute, encodeLocal, encodeRoute, MAX_NODE_ID_BYTES } from "./client_route.ts";

/** How a pool's backends are connected to. */
export interface DialOptions {
  /** Connects to them. Those with `tls` are always connected to by {@linkcode tlsCarrierDriver}, which alone can. */
  readonly driver: Driver;
  /** Speaks TLS with them. @default {plain TCP} */
  readonly tls?: TlsClientContext | undefined;
  /**
   * Tells them who the client is. Only version 2 passes on server names, and the balancers that a client has come through: it
   * alone finds loops.
   *
   * @default {2 to those who announce that they read it, else not at all}
   */
  readonly proxyProtocol?: 1 | 2 | undefined;
  /** The longest that connecting may take, in milliseconds, and again the TLS handshake. @default {5000} */
  readonly connectTimeoutMs?: number | undefined;
  /** This balancer's own id: not empty, at most 128 characters of ASCII without `>`. Unique among all that may be tiers of each other. */
  readonly nodeId: string;
}

const CONNECT_TIMEOUT_MS = 5000;

/**
 * Connects to the backends of a pool, in the one way that the pool wants.
 *
 * @example A chat server that is told where its clients come from
 * ```ts
 * import assert from "node:assert/strict";
 * import { chatProbe, createPool, Dialer, monitor, registerChat, startSpliceFrontend, systemDriver, tcpDial } from "chorus";
 *
 * const driver = systemDriver();
 * using pool = createPool({ name: "chat", policy: "least-connections" });
 * pool.add({ address: { host: "127.0.0.1", port: 7000 } });
 * const dialer = new Dialer({ driver, nodeId: "edge-1", proxyProtocol: 2, connectTimeoutMs: 1000 });
 * await using _ = monitor({ pool, probe: dialer.probe(chatProbe) });
 * const listen = { host: "127.0.0.1", port: 0 };
 * await using frontend = await startSpliceFrontend({ driver, pool, dialer, listen });
 * await registerChat({ dial: tcpDial(driver, [frontend.address]), name: "ada", password: "secret" });
 * assert.equal(frontend.counters.total, 1);
 * ```
 */
export class Dialer {
  /** What this balancer is called on the path of a client. */
  readonly nodeId: string;
  /** Connects as clients are connected: with a PROXY header that says it is the balancer itself, where the pool asks for one, and over TLS. */
  readonly probeDriver: Driver;
  readonly #options: DialOptions;
  readonly #driver: Driver;

  /** Connects to nobody yet. @throws {RangeError} when the id or the timeout is none. */
  constructor(options: DialOptions) {
    const { nodeId, driver, tls, connectTimeoutMs = CONNECT_TIMEOUT_MS } = options;
    if (!/^[!-=?-~]+$/.test(nodeId) || nodeId.length > MAX_NODE_ID_BYTES) {
      throw new RangeError(
        `Cannot create dialer: nodeId must be 1 to ${MAX_NODE_ID_BYTES} visible characters other than ">", received "${nodeId}"`,
      );
    }
    if (!(connectTimeoutMs > 0)) {
      throw new RangeError(
        `Cannot create dialer: connectTimeoutMs must be positive, received ${connectTimeoutMs}`,
      );
    }
    this.nodeId = nodeId;
    this.#options = options;
    this.#driver = tls ? tlsCarrierDriver() : driver;
    this.probeDriver = this.#probeDriver(options.proxyProtocol);
  }

  /**
   * Connects a client to a backend. The connection is paused, and what its server has said waits to be read.
   *
   * @throws {NetError} `refused`, `timeout`, `tls`, …, and `descriptors` for what is our own fault; the signal's reason when aborted.
   */
  async dial(backend: Backend, client: ClientRoute, signal: AbortSignal): Promise<Connection> {
    const version = this.#versionFor(backend);
    const header = version && encodeRoute(client, this.nodeId, version);
    return await this.#open(backend.address, UNHEARD, { signal }, header);
  }

  /**
   * Makes a probe whose connections are made as the backend in question wants them.
   *
   * @param kind Makes it of the driver that it is to use.
   */
  probe(kind: (driver: Driver) => Probe): Probe {
    const usual = kind(this.probeDriver);
    const announced = kind(this.#probeDriver(2));
    const { proxyProtocol } = this.#options;
    return (backend, options) =>
      (this.#versionFor(backend) === proxyProtocol ? usual : announced)(backend, options);
  }

  #versionFor(backend: Backend): 1 | 2 | undefined {
    return this.#options.proxyProtocol ?? backend.proxy;
  }

  #probeDriver(version: 1 | 2 | undefined): Driver {
    const { name, listen } = this.#driver;
    const header = version && encodeLocal(version);
    return {
      name,
      listen,
      connect: async (address, handler, options = {}) => {
        const connection = await this.#open(address, handler, options, header);
        connection.resume();
        return connection;
      },
    };
  }

  async #open(
    address: Address,
    handler: ConnectionHandler,
    options: ConnectOptions,
    header: Uint8Array | undefined,
  ): Promise<Connection> {
    const { tls, connectTimeoutMs = CONNECT_TIMEOUT_MS } = this.#options;
    const { timeoutMs = connectTimeoutMs, signal } = options;
    const connection = await this.#driver.connect(address, handler, { ...options, timeoutMs });
    // A server that speaks first may be heard as soon as anything else is awaited.
    connection.pause();
    if (header) connection.write(header);
    if (!tls) return connection;
    const host = "host" in address ? address.host : "localhost";
    const secured = await connectTls(connection, tls, { host, timeoutMs, ...(signal && { signal }) });
    secured.pause();
    secured.handle(handler);
    return secured;
  }
}

/** Until it is spliced, nothing of a connection is of interest but its end, which is told again. */
const UNHEARD: ConnectionHandler = { data: () => undefined, close: () => undefined };
