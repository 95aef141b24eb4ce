import { connect, createServer, type NetConnectOpts } from "node:net";
import process from "node:process";
import { type Clock, systemClock } from "../async/mod.ts";
import { AcceptGate, listenContext, offer } from "./accepting.ts";
import { formatAddress } from "./address.ts";
import type {
  Accept,
  Address,
  ConnectionHandler,
  ConnectOptions,
  Driver,
  Listener,
  ListenOptions,
} from "./contract.ts";
import { type Dial, dial } from "./dial.ts";
import { NetError, toNetError } from "./error.ts";
import { keepAliveMs } from "./keep_alive.ts";
import { acceptingAgain, bind } from "./node_listener.ts";
import { type Ends, heldConnection, Intake, nodeConnection, SOCKET_OPTIONS } from "./node_transport.ts";
import type { ConnectionContext } from "./stream_connection.ts";

/** Not one of those that only speak like it. */
const IS_NODE = process.versions.bun === undefined && process.versions.deno === undefined;

/** Options of the drivers. */
export interface DriverOptions {
  /** Measures the deadlines of connecting and closing. @default {systemClock} */
  clock?: Clock;
}

/**
 * The driver over `node:net`, which all three runtimes have: TCP and unix sockets, with every option.
 *
 * On Deno a write that has to wait fails once the other side has ended (denoland/deno#33860): a large answer to a slow reader that
 * has ended its side is lost, by TLS too. {@linkcode denoDriver} has no such fault.
 *
 * @example A unix socket
 * ```ts
 * import assert from "node:assert/strict";
 * import { nodeDriver } from "chorus";
 *
 * const driver = nodeDriver();
 * await using listener = await driver.listen({ path: "/var/lib/chorus/games.sock" }, (client) => {
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
export function nodeDriver(options: DriverOptions = {}): Driver {
  const { clock = systemClock } = options;
  const context: ConnectionContext = { clock };
  return {
    name: "node",
    listen: (address, accept, listenOptions = {}) => listen(address, accept, listenOptions, clock),
    connect: (address, handler, connectOptions = {}) =>
      dial(address, connectOptions, clock, (attempt) =>
        start(address, handler, connectOptions, context, attempt),
      ),
  };
}

async function listen(
  address: Address,
  accept: Accept,
  options: ListenOptions,
  clock: Clock,
): Promise<Listener> {
  const context = listenContext(clock, options);
  const ends = "path" in address ? { local: address, remote: { path: "" } } : undefined;
  let at = address;
  const gate = new AcceptGate(() => `accept on ${formatAddress(at)}`, clock, options);
  const server = createServer(SOCKET_OPTIONS, (socket) => {
    if (!gate.admits(() => void socket.destroy())) return acceptAgain();
    if (!ends) socket.setKeepAlive(true, keepAliveMs());
    offer(nodeConnection(socket, context, ends), accept, options);
  });
  const acceptAgain = acceptingAgain(server, clock, options);
  const listener = await bind(server, address, options);
  at = listener.address;
  server.on("error", (cause) => gate.failed(cause));
  return listener;
}

function start(
  address: Address,
  handler: ConnectionHandler,
  options: ConnectOptions,
  context: ConnectionContext,
  attempt: Dial,
): () => void {
  const keepAlive = { keepAlive: true, keepAliveInitialDelay: keepAliveMs() };
  const intake = IS_NODE ? new Intake() : undefined;
  const onread = intake && { onread: intake.options };
  const socket = connect({ ...target(address, options), ...SOCKET_OPTIONS, ...keepAlive, ...onread });
  const onError = (cause: Error): void => attempt.failed(toDialError(cause, address, options));
  socket.on("error", onError);
  socket.once("close", attempt.released);
  socket.once("connect", () => {
    socket.off("error", onError);
    socket.off("close", attempt.released);
    const isWanted = attempt.opened(() => {
      const connection = heldConnection(socket, context, dialedEnds(address), socket, intake);
      connection.handle(handler);
      return connection;
    });
    if (!isWanted) socket.destroy();
    attempt.released();
  });
  return () => socket.destroy();
}

function target(address: Address, options: ConnectOptions): NetConnectOpts {
  if ("path" in address) {
    if (options.localAddress === undefined) return { path: address.path };
    throw new NetError(
      "unsupported",
      `Cannot connect to ${formatAddress(address)}: unix sockets have no local address`,
    );
  }
  const { host, port } = address;
  return options.localAddress === undefined
    ? { host, port }
    : { host, port, localAddress: options.localAddress };
}

function dialedEnds(address: Address): Ends | undefined {
  return "path" in address ? { local: { path: "" }, remote: address } : undefined;
}

/** What the system means by a code depends on what was asked of it. */
function toDialError(cause: Error, address: Address, options: ConnectOptions): NetError {
  const error = toNetError(cause, `connect to ${formatAddress(address)}`);
  const native = "code" in cause ? cause.code : undefined;
  // Deno says EINVAL of a local address that is not of this machine.
  if (options.localAddress !== undefined && native === "EINVAL") return recoded(error, "not_available");
  // Without a local address to blame, what is not available is a port of our own.
  if (options.localAddress === undefined && native === "EADDRNOTAVAIL") return recoded(error, "descriptors");
  // The queue of a unix listener is full.
  if ("path" in address && native === "EAGAIN") return recoded(error, "refused");
  return error;
}

function recoded(error: NetError, code: NetError["code"]): NetError {
  return new NetError(code, error.message.replace(/[a-z_]+$/, code), { cause: error.cause });
}
