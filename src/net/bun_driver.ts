import { isIPv4 } from "node:net";
import type { SocketHandler, TCPSocketListenOptions } from "bun";
import { type Clock, systemClock } from "../async/mod.ts";
import { AcceptGate, listenContext, offer } from "./accepting.ts";
import { formatAddress, isLiteral } from "./address.ts";
import { type BunSocket, BunTransport, type SocketOwner } from "./bun_transport.ts";
import type { Accept, Connection, Driver, Listener, ListenOptions, TcpAddress } from "./contract.ts";
import { type Dial, dial } from "./dial.ts";
import { toNetError } from "./error.ts";
import { toListener } from "./listener.ts";
import { type DriverOptions, nodeDriver } from "./node_driver.ts";
import { tcpAddress } from "./node_transport.ts";
import type { ConnectionContext } from "./stream_connection.ts";
import { throwLater } from "./thrown.ts";
import { WriteTurn } from "./write_turn.ts";

/**
 * The driver over Bun's own sockets, for TCP between literal addresses. Host names, unix sockets and a local address to connect
 * from go by `node:net`.
 *
 * - The backlog is always 512.
 * - What cannot be reached is `refused`, as Bun does not tell the difference.
 * - A dial cannot be stopped: given up, it counts as an open handle until the system has given up too.
 *
 * @example Bun's sockets where there are any
 * ```ts
 * import assert from "node:assert/strict";
 * import process from "node:process";
 * import { bunDriver, nodeDriver } from "chorus";
 *
 * const driver = process.versions.bun === undefined ? nodeDriver() : bunDriver();
 * await using listener = await driver.listen({ host: "127.0.0.1", port: 0 }, (client) => {
 *   client.close();
 *   return { data: () => undefined, close: () => undefined };
 * });
 * const over = Promise.withResolvers<string>();
 * await driver.connect(listener.address, {
 *   data: () => undefined,
 *   end: (connection) => connection.end(),
 *   close: (_, reason) => over.resolve(reason),
 * });
 * assert.equal(await over.promise, "finished");
 * ```
 */
export function bunDriver(options: DriverOptions = {}): Driver {
  const { clock = systemClock } = options;
  const node = nodeDriver(options);
  const turn = new WriteTurn();
  const context: ConnectionContext = { clock };
  return {
    name: "bun",
    async listen(address, accept, listenOptions = {}) {
      if (!isLiteral(address)) return node.listen(address, accept, listenOptions);
      return listen(address, accept, listenOptions, clock, turn);
    },
    connect(address, handler, connectOptions = {}) {
      if (!isLiteral(address) || connectOptions.localAddress !== undefined)
        return node.connect(address, handler, connectOptions);
      return dial(address, connectOptions, clock, (attempt) => {
        const open = (socket: BunSocket): void => {
          // Bun keeps every address that it was asked for with its socket.
          const remote = isOne(address) ? address : shared(address, socket.remoteAddress, socket.remotePort);
          const ends = { remote, local: tcpAddress(socket.localAddress, socket.localPort) };
          opened(attempt, socket, () => {
            const { connection } = new BunTransport(socket, ends, turn, context);
            connection.handle(handler);
            return connection;
          });
        };
        return start(address, attempt, open);
      });
    },
  };
}

/** Whether an address is as sockets have it: an IPv6 one may be written in many ways, and 0.0.0.0 stands for any of the machine. */
function isOne({ host }: TcpAddress): boolean {
  return isIPv4(host) && host !== "0.0.0.0";
}

/** Passes the events of a socket to its owner. One record serves all sockets of a listener. */
function events(): SocketHandler<SocketOwner | undefined> {
  return {
    open: (socket) => socket.data?.onOpen(socket),
    data: (socket, chunk) => socket.data?.onData(chunk),
    drain: (socket) => socket.data?.onDrain(),
    end: (socket) => socket.data?.onEnd(),
    close: (socket, error) => socket.data?.onClose(error),
    error: (_, error) => throwLater(error),
  };
}

function listen(
  address: TcpAddress,
  accept: Accept,
  options: ListenOptions,
  clock: Clock,
  turn: WriteTurn,
): Listener {
  const context = listenContext(clock, options);
  const socket = events();
  // All connections of a listener have the same local address, but where it listens on several.
  const isAlwaysSame = isOne(address);
  let last = address;
  const gate = new AcceptGate(() => `accept on ${formatAddress(last)}`, clock, options);
  socket.open = (opened) => {
    if (!gate.admits(() => void opened.terminate())) return;
    const local = isAlwaysSame ? last : shared(last, opened.localAddress, opened.localPort);
    last = local;
    const remote = tcpAddress(opened.remoteAddress, opened.remotePort);
    offer(new BunTransport(opened, { local, remote }, turn, context).connection, accept, options);
  };
  const { host: hostname, port } = address;
  // The name of the last option is missing from the types.
  const native: TCPSocketListenOptions<SocketOwner | undefined> & { reusePort: boolean } = {
    hostname,
    port,
    allowHalfOpen: true,
    data: undefined,
    socket,
    reusePort: options.reusePort ?? false,
  };
  try {
    const server = Bun.listen(native);
    last = { host: hostname, port: server.port };
    return toListener({ host: hostname, port: server.port }, () => server.stop());
  } catch (cause) {
    throw toNetError(cause, `listen on ${formatAddress(address)}`);
  }
}

const EVENTS: SocketHandler<SocketOwner | undefined> = events();

function start(address: TcpAddress, attempt: Dial, onOpen: (socket: BunSocket) => void): () => void {
  const ignore = (): void => undefined;
  const owner: SocketOwner = { onOpen, onData: ignore, onDrain: ignore, onEnd: ignore, onClose: ignore };
  const { host: hostname, port } = address;
  const opening = Bun.connect<SocketOwner | undefined>({
    hostname,
    port,
    allowHalfOpen: true,
    data: owner,
    socket: EVENTS,
  });
  opening.catch((cause: unknown) => {
    attempt.failed(toNetError(cause, `connect to ${formatAddress(address)}`));
    attempt.released();
  });
  return ignore;
}

function opened(attempt: Dial, socket: BunSocket, connection: () => Connection): void {
  if (!attempt.opened(connection)) socket.terminate();
  attempt.released();
}

/** The address of a socket; `known` itself where that is the same, so that very many connections have one. */
function shared(known: TcpAddress, host: string | undefined, port: number | undefined): TcpAddress {
  return known.host === host && known.port === port ? known : tcpAddress(host, port);
}
