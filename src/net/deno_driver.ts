import { type Clock, systemClock, wait } from "../async/mod.ts";
import { AcceptGate, listenContext, offer } from "./accepting.ts";
import { formatAddress, isLiteral } from "./address.ts";
import type { Accept, ConnectionHandler, Driver, Listener, ListenOptions, TcpAddress } from "./contract.ts";
import { DenoTransport } from "./deno_transport.ts";
import { type Dial, dial } from "./dial.ts";
import { toNetError } from "./error.ts";
import { toListener } from "./listener.ts";
import { type DriverOptions, nodeDriver } from "./node_driver.ts";
import { tcpAddress } from "./node_transport.ts";
import type { ConnectionContext, StreamConnection } from "./stream_connection.ts";

/** How long accepting rests after it has failed, in milliseconds: most likely no descriptor is left. */
const ACCEPT_REST_MS = 100;

/**
 * The driver over Deno's own sockets, for TCP between literal addresses. Host names, unix sockets, a local address to connect
 * from and a shared port go by `node:net`.
 *
 * - Cannot send a reset: the other side of an aborted connection sees it end.
 * - Keepalive is on, at the system's interval.
 *
 * @example Deno's sockets where there are any
 * ```ts
 * import assert from "node:assert/strict";
 * import process from "node:process";
 * import { denoDriver, nodeDriver } from "chorus";
 *
 * const driver = process.versions.deno === undefined ? nodeDriver() : denoDriver();
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
export function denoDriver(options: DriverOptions = {}): Driver {
  const { clock = systemClock } = options;
  const node = nodeDriver(options);
  const context: ConnectionContext = { clock };
  return {
    name: "deno",
    async listen(address, accept, listenOptions = {}) {
      if (!isLiteral(address) || listenOptions.reusePort) return node.listen(address, accept, listenOptions);
      return listen(address, accept, listenOptions, clock);
    },
    connect(address, handler, connectOptions = {}) {
      if (!isLiteral(address) || connectOptions.localAddress !== undefined)
        return node.connect(address, handler, connectOptions);
      return dial(address, connectOptions, clock, (attempt) => start(address, handler, context, attempt));
    },
  };
}

function listen(address: TcpAddress, accept: Accept, options: ListenOptions, clock: Clock): Listener {
  const server = bind(address, options);
  const stopped = new AbortController();
  const accepting = acceptAll(server, accept, options, clock, stopped.signal);
  return toListener(addressOf(server), () => {
    stopped.abort();
    server.close();
    return accepting;
  });
}

function bind(address: TcpAddress, options: ListenOptions): Deno.TcpListener {
  const { host: hostname, port } = address;
  // The name of this option is missing from the types.
  const native: Deno.TcpListenOptions & { tcpBacklog: number } = {
    hostname,
    port,
    tcpBacklog: options.backlog ?? 511,
  };
  try {
    return Deno.listen(native);
  } catch (cause) {
    throw toNetError(cause, `listen on ${formatAddress(address)}`);
  }
}

function addressOf(server: Deno.TcpListener): TcpAddress {
  return tcpAddress(server.addr.hostname, server.addr.port);
}

async function acceptAll(
  server: Deno.TcpListener,
  accept: Accept,
  options: ListenOptions,
  clock: Clock,
  stopped: AbortSignal,
): Promise<void> {
  const context = listenContext(clock, options);
  const gate = new AcceptGate(() => `accept on ${formatAddress(addressOf(server))}`, clock, options);
  const take = (native: Deno.TcpConn): void => {
    if (!gate.admits(() => native.close())) return;
    const connection = toConnection(native, context);
    if (connection) offer(connection, accept, options);
  };
  while (!stopped.aborted) {
    try {
      take(await server.accept());
    } catch (cause) {
      if (stopped.aborted) return;
      // Deno cannot accept a client that has left meanwhile. There may be thousands: nothing to report, and nothing to wait for.
      if (hasLeft(cause)) continue;
      gate.failed(cause);
      await rest(stopped, clock);
    }
  }
}

function hasLeft(cause: unknown): boolean {
  return toNetError(cause, "accept").code === "reset";
}

/** Undefined for a client that has left: its socket takes no options any more. */
function toConnection(native: Deno.TcpConn, context: ConnectionContext): StreamConnection | undefined {
  try {
    return new DenoTransport(native, context).connection;
  } catch {
    native.close();
    return undefined;
  }
}

async function rest(stopped: AbortSignal, clock: Clock): Promise<void> {
  try {
    await wait(ACCEPT_REST_MS, { signal: stopped, clock });
  } catch (error) {
    if (!stopped.aborted) throw error;
  }
}

function start(
  address: TcpAddress,
  handler: ConnectionHandler,
  context: ConnectionContext,
  attempt: Dial,
): () => void {
  // Not with a signal: one that is aborted as the connection opens leaks its descriptor. A dial that was given up is closed once it opens.
  const opening = Deno.connect({ hostname: address.host, port: address.port });
  opening.then(
    (native) => {
      const isWanted = attempt.opened(() => {
        const { connection } = new DenoTransport(native, context);
        connection.handle(handler);
        return connection;
      });
      if (!isWanted) native.close();
      attempt.released();
    },
    (cause: unknown) => {
      attempt.failed(toNetError(cause, `connect to ${formatAddress(address)}`));
      attempt.released();
    },
  );
  return () => undefined;
}
