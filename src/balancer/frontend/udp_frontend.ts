import { randomUUID } from "node:crypto";
import { bindDatagram, type DatagramHandler, formatAddress, type TcpAddress } from "../../net/mod.ts";
import { ConnectionTable } from "../connection/table.ts";
import type { Pool } from "../pool/pool.ts";
import type { Frontend, FrontendHandler } from "./frontend.ts";
import { UdpService } from "./udp_service.ts";
import { checkUdpSettings, type UdpSettings } from "./udp_settings.ts";

export type { UdpSettings } from "./udp_settings.ts";

/** Options for {@linkcode startUdpFrontend}. */
export interface UdpFrontendOptions {
  /** What it is called in logs and lists. @default {the address where it listens, as `HOST:PORT`} */
  readonly name?: string | undefined;
  /** Where datagrams come; port 0 takes a free one. */
  readonly listen: TcpAddress;
  /** Who serves them. */
  readonly pool: Pool;
  /** @internal Where the sessions are listed. Its clock is the frontend's. @default {a table of its own} */
  readonly table?: ConnectionTable | undefined;
  /** What it asks of clients. @default {no limits but that of the descriptors} */
  readonly settings?: UdpSettings | undefined;
  /** Told of every client that was refused or is over. */
  readonly handler?: FrontendHandler | undefined;
  /** This balancer's own id, for the loop check. @default {a random one} */
  readonly nodeId?: string | undefined;
}

/** A frontend for datagrams. It can be changed while it runs. */
export interface UdpFrontend extends Frontend {
  /** Where it listens, with the real port. */
  readonly address: TcpAddress;
  /** What it asks of clients. */
  readonly settings: UdpSettings;
  /** Datagrams that were dropped: too many waited for a backend's socket to open, or the system would not take them. */
  readonly dropped: number;
  /** Takes no new sessions, for good; those that there are go on. Resolves when the last has ended and the address is free. Idempotent. */
  drain(): Promise<void>;
  /** Takes no new sessions, lets those that there are end for up to `graceMs`, then ends them. Idempotent: the first call decides. */
  close(graceMs?: number): Promise<void>;
  /** Replaces all settings. @throws {RangeError} when a number is none; nothing is changed then. */
  configure(settings: UdpSettings): void;
  /** Gives the sessions that begin from now on, or have to change their backend, one of another pool. */
  redirect(pool: Pool): void;
}

/** What the system is asked to keep of datagrams that were not read yet; it may have a smaller limit. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

/**
 * Receives datagrams and passes each on to the backend of its client. Resolves when it listens.
 *
 * - Who sends from one address and port is one client; a session begins with the first datagram, and is over when nothing has passed in
 *   either direction for a minute, or a tenth longer. It is in the table while it has a backend.
 * - Each session has a socket of its own, by which a backend knows it; replies go out from the frontend's address. On a machine with
 *   several addresses listen on one of them: where it is the wildcard, the system chooses from which address a reply goes out.
 * - A datagram stays whole, and none is sent twice. At most {@linkcode MAX_WAITING} wait while a session's socket opens.
 * - There is no connection to keep: a session whose backend goes down, or cannot be reached as far as the system tells (Deno does not),
 *   gets another one with its next datagram, and the entry in the table of the first one ends as `backend_down` or `backend_reset`. A
 *   backend that is drained or removed keeps its sessions.
 * - Pools with `key-hash` pick by their fallback. Nobody waits where all backends are full: the datagram is dropped, as it may be.
 * - Every datagram for which no session can be begun counts as one refused client; the handler hears of ten a second at most,
 *   as of errors, since whoever sends them need not be who they seem to be.
 *
 * @example One address before a game server
 * ```ts
 * import assert from "node:assert/strict";
 * import { createSocket } from "node:dgram";
 * import { once } from "node:events";
 * import { createPool, startUdpFrontend } from "chorus";
 *
 * using pool = createPool({ name: "games", policy: "ip-hash" });
 * pool.add({ address: { host: "127.0.0.1", port: 27015 } });
 * await using frontend = await startUdpFrontend({ pool, listen: { host: "127.0.0.1", port: 0 } });
 * const client = createSocket("udp4");
 * client.send("echo", frontend.address.port, frontend.address.host);
 * const [answer] = await once(client, "message");
 * client.close();
 * assert.equal(String(answer), "echo");
 * ```
 *
 * @throws {NetError} `in_use`, `not_available`, …
 * @throws {RangeError} when a setting is none.
 */
export async function startUdpFrontend(options: UdpFrontendOptions): Promise<UdpFrontend> {
  const { listen, settings = {}, handler } = options;
  checkUdpSettings("start frontend", settings);
  let service: UdpService | undefined;
  const inbox: DatagramHandler = {
    message: (payload, from) => service?.receive(payload, from),
    error: (error) => service?.failed(error),
  };
  const socket = await bindDatagram(listen, inbox, { receiveBufferBytes: RECEIVE_BUFFER_BYTES });
  const {
    name = formatAddress(socket.address),
    nodeId = randomUUID(),
    pool,
    table = new ConnectionTable(),
  } = options;
  service = new UdpService({ name, nodeId, table, handler, socket }, settings, pool);
  return toFrontend(service, socket.address);
}

function toFrontend(service: UdpService, address: TcpAddress): UdpFrontend {
  let closing: Promise<void> | undefined;
  const close = (graceMs = 0): Promise<void> => {
    closing ??= service.close(graceMs);
    return closing;
  };
  return {
    name: service.name,
    address,
    counters: service.reception.counters,
    get pool() {
      return service.pool;
    },
    get settings() {
      return service.settings;
    },
    get connections() {
      return service.size;
    },
    get served() {
      return service.served;
    },
    get isDraining() {
      return service.reception.isDraining;
    },
    get dropped() {
      return service.droppedDatagrams;
    },
    configure(settings) {
      checkUdpSettings("configure frontend", settings);
      service.configure(settings);
    },
    redirect(pool) {
      service.pool = pool;
    },
    drain: () => service.drain(),
    close,
    [Symbol.asyncDispose]: () => close(),
  };
}
