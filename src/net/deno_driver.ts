import { isIP } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { type Clock, systemClock, wait } from "../async/mod.ts";
import { acceptFailed, listenContext, offer } from "./accepting.ts";
import { formatAddress } from "./address.ts";
import type { Accept, Address, ConnectionHandler, Driver, Listener, ListenOptions } from "./contract.ts";
import { DenoTransport } from "./deno_transport.ts";
import { type Dial, dial } from "./dial.ts";
import { NetError, toNetError } from "./error.ts";
import { handleClosed, handleOpened } from "./handles.ts";
import { type DriverOptions, nodeDriver } from "./node_driver.ts";
import type { ConnectionContext } from "./stream_connection.ts";

type TcpAddress = Exclude<Address, { path: string }>;

/** How long accepting rests after it has failed, in milliseconds: most likely no descriptor is left. */
const ACCEPT_REST_MS = 100;

/**
 * The driver over Deno's own sockets, for TCP between literal addresses. Host names, unix sockets, a local address to connect
 * from and a shared port go by `node:net`.
 *
 * - Cannot send a reset: the other side of an aborted connection sees it end.
 * - Keepalive is on, at the system's interval.
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

function isLiteral(address: Address): address is TcpAddress {
  return "host" in address && isIP(address.host) !== 0;
}

function listen(address: TcpAddress, accept: Accept, options: ListenOptions, clock: Clock): Listener {
  const server = bind(address, options);
  const stopped = new AbortController();
  // Owned by the listener: accepting ends when it closes.
  const accepting = acceptAll(server, accept, options, clock, stopped.signal);
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= (async () => {
      stopped.abort();
      server.close();
      await accepting;
      await nextTurn();
      handleClosed();
    })();
    return closing;
  };
  handleOpened();
  return { address: tcpAddress(server), close, [Symbol.asyncDispose]: close };
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

function tcpAddress(server: Deno.TcpListener): Address {
  return { host: server.addr.hostname, port: server.addr.port };
}

async function acceptAll(
  server: Deno.TcpListener,
  accept: Accept,
  options: ListenOptions,
  clock: Clock,
  stopped: AbortSignal,
): Promise<void> {
  const context = listenContext(clock, options);
  while (!stopped.aborted) {
    try {
      const native = await server.accept();
      offer(new DenoTransport(native, context).connection, accept, options);
    } catch (cause) {
      if (stopped.aborted) return;
      acceptFailed(options, cause, tcpAddress(server));
      await wait(ACCEPT_REST_MS, { signal: stopped, clock }).catch(() => undefined);
    }
  }
}

function start(
  address: TcpAddress,
  handler: ConnectionHandler,
  context: ConnectionContext,
  attempt: Dial,
): () => void {
  const stopped = new AbortController();
  const opening = Deno.connect({ hostname: address.host, port: address.port, signal: stopped.signal });
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
  return () => stopped.abort(new NetError("closed", "Cannot connect: given up"));
}
