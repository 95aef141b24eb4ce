import { unlink } from "node:fs/promises";
import { connect, type ListenOptions as NativeListenOptions, type Server } from "node:net";
import process from "node:process";
import type { Clock } from "../async/mod.ts";
import { formatAddress } from "./address.ts";
import type { Address, Listener, ListenOptions } from "./contract.ts";
import { isOutOfDescriptors } from "./descriptors.ts";
import { NetError, toNetError } from "./error.ts";
import { toListener } from "./listener.ts";
import { tcpAddress } from "./node_transport.ts";

/** How many clients may wait to be accepted, unless told otherwise. */
const BACKLOG = 511;

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
  const { backlog = BACKLOG, reusePort = false } = options;
  if ("path" in address) return { path: address.path, backlog };
  return { host: address.host, port: address.port, backlog, reusePort };
}

/** How long after somebody was turned away for want of descriptors it is looked whether there is room again, in milliseconds. */
const AGAIN_MS = 250;

/**
 * Has a server on Deno accept again. `node:net` of Deno 2.9 accepts all who wait before it tells of the first of them, and once there is no descriptor
 * for one it never accepts again, and does not say so; to listen on the same handle once more makes it go on, and those who wait are served.
 *
 * @returns To be called when a client was turned away for want of descriptors: some may be waiting behind it.
 */
export function acceptingAgain(
  server: Server,
  clock: Clock,
  { backlog = BACKLOG }: ListenOptions,
): () => void {
  if (process.versions.deno === undefined) return () => undefined;
  let isDue = false;
  function soon(): void {
    if (!isDue) clock.after(AGAIN_MS, look);
    isDue = true;
  }
  function look(): void {
    isDue = false;
    // None once it is closed, which is not told before its connections have gone.
    const { _handle: handle } = server as { readonly _handle?: { listen(backlog: number): number } | null };
    if (handle && isOutOfDescriptors()) soon();
    else handle?.listen(backlog);
  }
  return soon;
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
