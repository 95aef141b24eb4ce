import { createServer, type Socket } from "node:net";
import { systemClock } from "../async/mod.ts";
import { AcceptGate, listenContext, offer, reportTo } from "./accepting.ts";
import { formatAddress } from "./address.ts";
import type { Accept, Address, Connection, Listener, ListenOptions } from "./contract.ts";
import { holdSocket } from "./handles.ts";
import { keepAliveMs } from "./keep_alive.ts";
import type { DriverOptions } from "./node_driver.ts";
import { acceptingAgain, bind } from "./node_listener.ts";
import { nodeConnection, SOCKET_OPTIONS, tcpAddress } from "./node_transport.ts";
import { toError } from "./thrown.ts";

/** An accepted connection of which no byte has been read, so that it can be given to another process as it is. */
export interface PausedSocket {
  readonly remote: Address;
  readonly local: Address;
  /** The socket itself, to send to a child process, or to {@linkcode adopt} here. Whoever takes it owns it. */
  readonly native: Socket;
  /** Resets the connection, for when nobody can take it. */
  abort(): void;
}

/**
 * Listens on a TCP address and gives each connection away unread. Works on every runtime, which for a unix socket it would not.
 *
 * A taken socket does not count as an open handle: it is `take`'s to hand over, adopt or abort. When `take` throws it is aborted.
 *
 * @throws {NetError} As {@linkcode Driver.listen}.
 * @throws {RangeError} For the address of a unix socket.
 */
export async function listenPaused(
  address: Address,
  take: (socket: PausedSocket) => void,
  options: ListenOptions = {},
): Promise<Listener> {
  if ("path" in address)
    throw new RangeError(`Cannot give connections away: ${formatAddress(address)} is no TCP address`);
  let at: Address = address;
  const gate = new AcceptGate(() => `accept on ${formatAddress(at)}`, systemClock, options);
  const server = createServer({ ...SOCKET_OPTIONS, pauseOnConnect: true }, (native) => {
    if (!gate.admits(() => void native.destroy())) return acceptAgain();
    const socket = toPaused(native);
    try {
      take(socket);
    } catch (thrown) {
      socket.abort();
      reportTo(options.onError, toError(thrown), "handler");
    }
  });
  const acceptAgain = acceptingAgain(server, systemClock, options);
  const listener = await bind(server, address, options);
  at = listener.address;
  server.on("error", (cause) => gate.failed(cause));
  return listener;
}

/** Sockets that belong to whoever took them, with what no longer counts them as that. */
const HELD = new WeakMap<Socket, () => void>();

function toPaused(native: Socket): PausedSocket {
  const release = holdSocket();
  HELD.set(native, release);
  native.once("close", release);
  // Broken before anybody took it: whoever does hears of it then.
  native.on("error", () => native.destroy());
  return {
    native,
    remote: tcpAddress(native.remoteAddress, native.remotePort),
    local: tcpAddress(native.localAddress, native.localPort),
    abort: () => void native.resetAndDestroy(),
  };
}

/** Options for {@linkcode adopt}. */
export interface AdoptOptions extends DriverOptions {
  /** Called when a handler throws. @default {ignored} */
  onError?: NonNullable<ListenOptions["onError"]>;
  /** Called when the connection is over. @default {ignored} */
  onOver?: NonNullable<ListenOptions["onOver"]>;
}

/**
 * Makes a connection of a TCP socket that was accepted elsewhere: by {@linkcode listenPaused} here, or by another process that
 * sent it. What the client sent meanwhile is not lost. The connection owns the socket.
 */
export function adopt(native: Socket, accept: Accept, options: AdoptOptions = {}): Connection {
  const { clock = systemClock } = options;
  HELD.get(native)?.();
  native.allowHalfOpen = true;
  native.setNoDelay(SOCKET_OPTIONS.noDelay);
  native.setKeepAlive(true, keepAliveMs());
  const connection = nodeConnection(native, listenContext(clock, options));
  connection.resume();
  offer(connection, accept, options);
  return connection;
}
