import { Buffer } from "node:buffer";
import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { withDeadline } from "../../src/async/mod.ts";
import {
  type AcceptTlsOptions,
  acceptTls,
  type Connection,
  type ConnectionHandler,
  type DriverOptions,
  type TcpAddress,
  type TlsAccepted,
  type TlsServerContext,
  tlsCarrierDriver,
} from "../../src/net/mod.ts";
import { authority } from "./certificates.ts";
import { DEADLINE_MS, LOOPBACK, Recorder } from "./recording.ts";

/** What became of one accepted connection. */
export type Outcome = (TlsAccepted & { readonly recorder: Recorder }) | Error;

/** Options for {@linkcode tlsListener}. */
export interface TlsListenerOptions extends DriverOptions, Omit<AcceptTlsOptions, "head"> {
  /** Reads this many bytes before the handshake, and gives them to it. @default {0} */
  readonly headBytes?: number;
}

/** A listener whose connections speak TLS. */
export interface TlsListener extends AsyncDisposable {
  readonly address: TcpAddress;
  /** The outcome of the next connection. */
  next(): Promise<Outcome>;
  /** The same, when it must have succeeded. */
  accepted(): Promise<TlsAccepted & { readonly recorder: Recorder }>;
  /** The code of the error that the next connection failed with. */
  failure(): Promise<string>;
}

/** Listens on a free port; at its end it aborts what is still open. */
export async function tlsListener(
  context: TlsServerContext,
  options: TlsListenerOptions = {},
): Promise<TlsListener> {
  const { headBytes = 0, ...acceptOptions } = options;
  const outcomes: PromiseWithResolvers<Outcome>[] = [];
  const open = new Set<{ readonly connection: Connection; readonly recorder: Recorder }>();
  let settled = 0;
  let taken = 0;
  const outcome = (index: number): PromiseWithResolvers<Outcome> => {
    outcomes[index] ??= Promise.withResolvers();
    return outcomes[index];
  };
  const shake = async (connection: Connection, head: Uint8Array): Promise<void> => {
    const { resolve } = outcome(settled);
    settled += 1;
    try {
      const accepted = await acceptTls(connection, context, { ...acceptOptions, head });
      const recorder = new Recorder();
      accepted.connection.handle(recorder);
      open.add({ connection: accepted.connection, recorder });
      resolve({ ...accepted, recorder });
    } catch (error) {
      resolve(error instanceof Error ? error : new Error(String(error)));
    }
  };
  const listener = await tlsCarrierDriver(options).listen(LOOPBACK, (connection) =>
    headBytes === 0 ? atOnce(connection, shake) : withHead(headBytes, shake),
  );
  const next = (): Promise<Outcome> => {
    taken += 1;
    return withDeadline(outcome(taken - 1).promise, DEADLINE_MS, "see a handshake end");
  };
  if (!("port" in listener.address)) throw new Error("not TCP");
  return {
    address: listener.address,
    next,
    async accepted() {
      const result = await next();
      if (result instanceof Error) throw result;
      return result;
    },
    async failure() {
      const result = await next();
      return result instanceof Error && "code" in result ? String(result.code) : `no failure: ${result}`;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(outcomes.map(({ promise }) => promise));
      for (const { connection, recorder } of open) {
        connection.abort();
        await recorder.closed;
      }
      await listener.close();
    },
  };
}

type Shake = (connection: Connection, head: Uint8Array) => Promise<void>;

function atOnce(connection: Connection, shake: Shake): ConnectionHandler {
  connection.pause();
  void shake(connection, new Uint8Array(0));
  return { data: () => undefined, close: () => undefined };
}

/** What a frontend does that reads something else first. */
function withHead(headBytes: number, shake: Shake): ConnectionHandler {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  return {
    data(connection, chunk) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes < headBytes) return;
      connection.pause();
      void shake(connection, Buffer.concat(chunks));
    },
    close: () => undefined,
  };
}

/** A client of `node:tls` that trusts our authority; the `secureConnect` has come. */
export async function tlsClient(address: TcpAddress, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const { certificate } = await authority();
  const socket = connect({
    ...address,
    ca: certificate,
    allowHalfOpen: true,
    ...options,
  } as ConnectionOptions);
  await withDeadline(once(socket, "secureConnect"), DEADLINE_MS, "connect by TLS");
  return socket;
}

/** A client that speaks no TLS. */
export async function tcpClient(address: TcpAddress): Promise<Socket> {
  const socket = connectTcp(address.port, address.host);
  const connected = once(socket, "connect");
  socket.on("error", () => socket.destroy());
  await withDeadline(connected, DEADLINE_MS, "connect");
  return socket;
}

/** Resolves when a socket is closed, however. */
export async function gone(socket: Socket): Promise<void> {
  if (socket.closed) return;
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  await withDeadline(closed, DEADLINE_MS, "see a connection close");
}
