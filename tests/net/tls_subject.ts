import { setImmediate as nextTurn } from "node:timers/promises";
import {
  acceptTls,
  type Connection,
  type ConnectionHandler,
  connectTls,
  type Driver,
  type DriverOptions,
  nodeDriver,
  TlsClientContext,
  TlsServerContext,
  tlsCarrierDriver,
} from "../../src/net/mod.ts";
import { RUNTIME } from "../testing.ts";
import { RESETS, RESETS_ENDED } from "./break_conformance.ts";
import { authority, certificate } from "./certificates.ts";
import { LARGE_ANSWER, TELLS_OVER } from "./end_conformance.ts";
import { hangingListener } from "./hanging.ts";
import type { Subject } from "./subject.ts";
import { HALF_CLOSE_BUG, NO_RESET } from "./subjects.ts";

const GAPS: Readonly<Record<typeof RUNTIME, Subject["gaps"]>> = {
  node: {},
  bun: {},
  deno: { [RESETS]: NO_RESET, [RESETS_ENDED]: NO_RESET },
};

/** What waits for its handshake has nothing to say. */
const SILENT: ConnectionHandler = { data: () => undefined, close: () => undefined };

/** A server and a client that trust each other. */
export interface Contexts {
  readonly server: TlsServerContext;
  readonly client: TlsClientContext;
}

/** For 127.0.0.1. */
export async function contexts(): Promise<Contexts> {
  const server = TlsServerContext.create({ certificates: [await certificate(["localhost", "127.0.0.1"])] });
  const client = TlsClientContext.create({ ca: (await authority()).certificate });
  if (typeof server === "string" || typeof client === "string") throw new Error(`${server} ${client}`);
  return { server, client };
}

/**
 * Connections of a driver that speak TLS, in the shape of a driver. One is connected when both sides have shaken hands, and what
 * the server sends of itself after that has arrived.
 */
export function tlsDriver(below: Driver, { server, client }: Contexts): Driver {
  const underWay = new Set<Promise<void>>();
  const track = (handshake: Promise<void>): void => {
    underWay.add(handshake);
    void handshake.finally(() => underWay.delete(handshake));
  };
  return {
    name: "tls",
    listen: (address, accept, options = {}) => {
      const welcome = (connection: Connection): ConnectionHandler => {
        connection.pause();
        const handshake = acceptTls(connection, server).then(
          (accepted) => accepted.connection.handle(accept(accepted.connection)),
          (error: Error) => options.onError?.(error, { during: "accept" }),
        );
        track(handshake);
        return SILENT;
      };
      return below.listen(address, welcome, options);
    },
    async connect(address, handler, options) {
      const carrier = await below.connect(address, SILENT, options);
      const host = "host" in address ? address.host : "localhost";
      const connection = await connectTls(carrier, client, { host });
      connection.handle(handler);
      await Promise.all(underWay);
      await nextTurn();
      return connection;
    },
  };
}

/** The subjects; what a TLS connection cannot do over a driver on this runtime is in its gaps. */
export async function tlsSubjects(): Promise<readonly Subject[]> {
  const shared = await contexts();
  const over = (name: string, gaps: Subject["gaps"], make: (options?: DriverOptions) => Driver): Subject => ({
    name,
    gaps: { ...gaps, [TELLS_OVER]: "a connection that is given to TLS counts as over for its listener" },
    make: (options) => ({ driver: tlsDriver(make(options), shared), hang: hangingListener }),
  });
  const main = over("tls", GAPS[RUNTIME], tlsCarrierDriver);
  // Elsewhere it is the same driver.
  return RUNTIME === "deno"
    ? [main, over("tls over node", { [LARGE_ANSWER]: HALF_CLOSE_BUG }, nodeDriver)]
    : [main];
}
