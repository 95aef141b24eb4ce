import {
  acceptTls,
  type Connection,
  type ConnectionHandler,
  connectTls,
  type Driver,
  type DriverOptions,
  TlsClientContext,
  TlsServerContext,
  tlsCarrierDriver,
} from "../../src/net/mod.ts";
import { authority, certificate } from "./certificates.ts";
import { hangingListener } from "./hanging.ts";
import type { Subject } from "./subject.ts";

/** What waits for its handshake has nothing to say. */
const SILENT: ConnectionHandler = { data: () => undefined, close: () => undefined };

/** A server's and a client's context that trust each other, for 127.0.0.1. */
export async function contexts(): Promise<{ server: TlsServerContext; client: TlsClientContext }> {
  const server = TlsServerContext.create({ certificates: [await certificate(["localhost", "127.0.0.1"])] });
  const client = TlsClientContext.create({ ca: (await authority()).certificate });
  if (typeof server === "string" || typeof client === "string") throw new Error(`${server} ${client}`);
  return { server, client };
}

/** Connections of `tlsCarrierDriver` that speak TLS, in the shape of a driver. */
export function tlsDriver(
  server: TlsServerContext,
  client: TlsClientContext,
  options?: DriverOptions,
): Driver {
  const driver = tlsCarrierDriver(options);
  return {
    name: "tls",
    listen: (address, accept, listenOptions = {}) => {
      const welcome = (connection: Connection): ConnectionHandler => {
        connection.pause();
        void acceptTls(connection, server).then(
          (accepted) => accepted.connection.handle(accept(accepted.connection)),
          (error: Error) => listenOptions.onError?.(error, { during: "accept" }),
        );
        return SILENT;
      };
      return driver.listen(address, welcome, listenOptions);
    },
    async connect(address, handler, connectOptions) {
      const carrier = await driver.connect(address, SILENT, connectOptions);
      const host = "host" in address ? address.host : "localhost";
      const connection = await connectTls(carrier, client, { host });
      connection.handle(handler);
      return connection;
    },
  };
}

/** The subject; what a TLS connection cannot do on this runtime is in `gaps`. */
export async function tlsSubject(gaps: Subject["gaps"]): Promise<Subject> {
  const { server, client } = await contexts();
  return {
    name: "tls",
    gaps,
    make: (options) => ({ driver: tlsDriver(server, client, options), hang: hangingListener }),
  };
}
