import { randomUUID } from "node:crypto";
import { timerWheel } from "../../async/mod.ts";
import { type Address, type Driver, formatAddress, tlsCarrierDriver } from "../../net/mod.ts";
import { ConnectionTable } from "../connection/table.ts";
import type { Pool } from "../pool/pool.ts";
import { Dialer } from "./dialer.ts";
import { type Closing, closingOf, type Frontend, type FrontendHandler } from "./frontend.ts";
import { Reception } from "./reception.ts";
import { checkSettings, type FrontendSettings } from "./settings.ts";
import { StreamService } from "./stream_service.ts";

/** Options for {@linkcode startSpliceFrontend}. */
export interface SpliceFrontendOptions {
  /** What it is called in logs and lists. @default {the address where it listens, as `HOST:PORT`} */
  readonly name?: string | undefined;
  /** Accepts the clients; where TLS ends here {@linkcode tlsCarrierDriver} does, which alone can. */
  readonly driver: Driver;
  /** Where clients connect; port 0 takes a free one. */
  readonly listen: Address;
  /** Who serves them. */
  readonly pool: Pool;
  /** How backends are connected to. @default {plain TCP by `driver`, in 5 s} */
  readonly dialer?: Dialer | undefined;
  /** @internal Where the clients are listed once they are served. Its clock is the frontend's. @default {a table of its own} */
  readonly table?: ConnectionTable | undefined;
  /** What it asks of clients. @default {no limits, plain TCP} */
  readonly settings?: FrontendSettings | undefined;
  /** Told of every client that was refused or is over. */
  readonly handler?: FrontendHandler | undefined;
  /** @internal Makes the driver that accepts of the one that would, such as one that shares the port with others. @default {that one} */
  readonly accepting?: ((driver: Driver) => Driver) | undefined;
}

/** A frontend that copies the bytes of its clients. It can be changed while it runs. */
export interface SpliceFrontend extends Frontend {
  /** What it asks of clients. */
  readonly settings: FrontendSettings;
  /** @internal Clients that other processes or threads have of the same frontend: they count for its limit. @default {0} */
  elsewhere: number;
  /**
   * Replaces all settings.
   *
   * @throws {RangeError} when a number is none, or TLS is to be switched on; nothing is changed then.
   */
  configure(settings: FrontendSettings): void;
  /** Sends clients to another pool, from the next one on that is to be given a backend. */
  redirect(pool: Pool, dialer: Dialer): void;
}

/** How late a timer of a client may be, in milliseconds. */
const TICK_MS = 100;

/**
 * Listens and splices every client with a backend of the pool. Resolves when it listens.
 *
 * A client goes through, in this order, and is refused by the first that it does not pass:
 *
 * 1. who may come: the lists, the connections of its address, those of the frontend, the descriptors of the process;
 * 2. the PROXY header, if one is asked for, within 3 s; then the lists and the connections of the address that it tells. `LOCAL`, by
 *    which a balancer speaks for itself, is not judged by them; `UNKNOWN` is, by the sender's address;
 * 3. the TLS handshake, if TLS ends here, within 10 s;
 * 4. its first bytes, if the pool wants a key: what is not found within 16 KiB and 3 s is no key, and the pool's fallback picks. A server
 *    that speaks first speaks after these 3 s, then;
 * 5. a place on a backend, for which it may wait, and a connection to it: three different ones are tried.
 *
 * Then all bytes since the header, or inside of TLS, are copied both ways; see {@linkcode splice} in `net`. Until then its connection
 * is only read where a step wants to know what it says, and at most 16 KiB and one chunk are held of it.
 *
 * A client who is refused is reset, where the driver can.
 *
 * @example One address before a chat server
 * ```ts
 * import assert from "node:assert/strict";
 * import { createPool, registerChat, startSpliceFrontend, systemDriver, tcpDial } from "chorus";
 *
 * const driver = systemDriver();
 * using pool = createPool({ name: "chat", policy: "least-connections" });
 * pool.add({ address: { host: "127.0.0.1", port: 7000 } });
 * await using frontend = await startSpliceFrontend({ driver, pool, listen: { host: "127.0.0.1", port: 0 } });
 * await registerChat({ dial: tcpDial(driver, [frontend.address]), name: "ada", password: "secret" });
 * assert.equal(frontend.counters.total, 1);
 * ```
 *
 * @throws {NetError} As {@linkcode Driver.listen}.
 * @throws {RangeError} when a setting is none.
 */
export async function startSpliceFrontend(options: SpliceFrontendOptions): Promise<SpliceFrontend> {
  const { driver, listen, pool, table = new ConnectionTable(), settings = {}, handler } = options;
  const { dialer = new Dialer({ driver, nodeId: randomUUID() }) } = options;
  checkSettings("start frontend", settings);
  const reception = new Reception(settings.access ?? {}, handler);
  const wheel = timerWheel(table.clock, { tickMs: TICK_MS });
  const service = new StreamService({ reception, table, handler, wheel }, settings, { pool, dialer });
  service.name = options.name ?? formatAddress(listen);
  const { accepting = (accepted: Driver) => accepted } = options;
  const listener = await accepting(settings.tls ? tlsCarrierDriver() : driver).listen(
    listen,
    (client) => service.accept(client),
    reception.listenOptions,
  );
  service.name = options.name ?? formatAddress(listener.address);
  const endAll = (): boolean => service.endAll();
  const closing = closingOf({ listener, reception, endAll, clock: table.clock });
  return toFrontend(service, reception, listener.address, closing);
}

function toFrontend(
  service: StreamService,
  reception: Reception,
  address: Address,
  closing: Closing,
): SpliceFrontend {
  const isTlsPossible = service.settings.tls !== undefined;
  return {
    ...closing,
    name: service.name,
    address,
    counters: reception.counters,
    get pool() {
      return service.to.pool;
    },
    get settings() {
      return service.settings;
    },
    get connections() {
      return reception.inside.count;
    },
    get served() {
      return service.served;
    },
    get isDraining() {
      return reception.isDraining;
    },
    get elsewhere() {
      return reception.elsewhere;
    },
    set elsewhere(count) {
      reception.elsewhere = count;
    },
    configure(settings) {
      checkSettings("configure frontend", settings);
      if (settings.tls && !isTlsPossible)
        throw new RangeError(
          "Cannot configure frontend: TLS must be there when it starts, received it later",
        );
      service.settings = settings;
      reception.access = settings.access ?? {};
    },
    redirect(pool, dialer) {
      service.to = { pool, dialer };
    },
  };
}
