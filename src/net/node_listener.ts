import { unlink } from "node:fs/promises";
import { connect, type ListenOptions as NativeListenOptions, type Server } from "node:net";
import { formatAddress } from "./address.ts";
import type { Address, Listener, ListenOptions } from "./contract.ts";
import { NetError, toNetError } from "./error.ts";
import { toListener } from "./listener.ts";
import { tcpAddress } from "./node_transport.ts";

/**
 * Binds `server` to `address`. A unix socket's file that nobody listens on any more is replaced.
 *
 * @throws {NetError} When it cannot; the server is then closed.
 */
export async function bind(server: Server, address: Address, options: ListenOptions): Promise<Listener> {
  const action = `listen on ${formatAddress(address)}`;
  try {
    await listening(server, address, options);
  } catch (cause) {
    const error = toListenError(cause, action, address);
    if (error.code !== "in_use" || !("path" in address) || !(await isStale(address.path))) throw error;
    await unlink(address.path);
    await listening(server, address, options).catch((again: unknown) => {
      throw toNetError(again, action);
    });
  }
  return serverListener(server, address);
}

/** Deno says EINVAL of an address that is not of this machine. */
function toListenError(cause: unknown, action: string, address: Address): NetError {
  const isForeign = cause instanceof Error && "code" in cause && cause.code === "EINVAL" && "host" in address;
  if (isForeign) return new NetError("not_available", `Cannot ${action}: not_available`, { cause });
  return toNetError(cause, action);
}

function listening(server: Server, address: Address, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(nativeOptions(address, options), () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function nativeOptions(address: Address, options: ListenOptions): NativeListenOptions {
  const { backlog = 511, reusePort = false } = options;
  if ("path" in address) return { path: address.path, backlog };
  return { host: address.host, port: address.port, backlog, reusePort };
}

/** Whether a unix socket's file is left from a process that listens no more. */
function isStale(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect({ path });
    probe.once("connect", () => {
      probe.destroy();
      resolve(false);
    });
    probe.once("error", (error) => resolve("code" in error && error.code === "ECONNREFUSED"));
  });
}

function serverListener(server: Server, asked: Address): Listener {
  const bound = server.address();
  const isTcp = typeof bound === "object" && bound !== null && "port" in bound;
  // The listening socket is closed at once; the server's own `close` event would wait for its connections.
  return toListener(isTcp ? tcpAddress(bound.address, bound.port) : asked, () => void server.close());
}
