import type { Socket } from "node:net";
import process from "node:process";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { formatAddress } from "./address.ts";
import { CarrierStream } from "./carrier_stream.ts";
import type { Connection } from "./contract.ts";
import { DenoTransport } from "./deno_transport.ts";
import { NetError } from "./error.ts";
import { type Ends, heldConnection, NodeTransport, resetSocket } from "./node_transport.ts";
import {
  type ConnectionContext,
  type MovableTransport,
  type Released,
  StreamConnection,
} from "./stream_connection.ts";
import { TlsLayer } from "./tls_layer.ts";

/** What TLS is spoken over, taken from its connection. */
export interface Carrier {
  readonly stream: Duplex;
  readonly context: ConnectionContext;
  /** What is done, for errors, such as `accept TLS from 10.0.0.7:40000`. */
  readonly action: string;
  /** Calls back once it is over; at once, in a later turn, if it is already. */
  whenOver(callback: () => void): void;
  /** Closes it with a reset. */
  reset(): void;
  /** Makes a connection of what speaks TLS over it, which fails with what the socket calls a `_tlsError` too. Its first bytes come in a later turn. */
  secured(socket: TLSSocket): StreamConnection;
}

/**
 * Takes what carries a connection, which is then over.
 *
 * @param head Bytes that were read from it already.
 * @throws {NetError} `closed` when it has ended or is closed: it is aborted then.
 */
export function takeCarrier(connection: Connection, verb: string, head?: Uint8Array): Carrier {
  const action = `${verb} ${formatAddress(connection.remote)}`;
  const released = connection instanceof StreamConnection ? connection.release() : undefined;
  if (released === undefined) {
    connection.abort();
    throw new NetError("closed", `Cannot ${action}: the connection has ended`);
  }
  const { transport, context } = released;
  const isDeno = process.versions.deno !== undefined;
  if (transport instanceof NodeTransport && !isDeno)
    return socketCarrier(transport.detach(), transport, context, action, head);
  if (transport instanceof NodeTransport || transport instanceof DenoTransport)
    return layerCarrier(transport, context, action, head);
  throw unfit(released, action);
}

function unfit({ transport }: Released, action: string): TypeError {
  transport.reset();
  return new TypeError(`Cannot ${action}: the connection must be of tlsCarrierDriver`);
}

/** Node and Bun speak TLS on the very descriptor. */
function socketCarrier(
  stream: Socket,
  ends: Ends,
  context: ConnectionContext,
  action: string,
  head: Uint8Array | undefined,
): Carrier {
  if (head && head.length > 0) stream.unshift(head);
  return {
    stream,
    context,
    action,
    whenOver: (callback) => void (stream.closed ? queueMicrotask(callback) : stream.once("close", callback)),
    reset: () => resetSocket(stream, ends),
    secured(socket) {
      socket.on("_tlsError", (cause: Error) => socket.destroy(cause));
      // Node can reset the socket below only; Bun lets go of that one when the other side has ended.
      return heldConnection(socket, context, ends, process.versions.bun === undefined ? stream : socket);
    },
  };
}

function layerCarrier(
  transport: MovableTransport,
  context: ConnectionContext,
  action: string,
  head: Uint8Array | undefined,
): Carrier {
  const stream = new CarrierStream(transport, head);
  stream.resume();
  return {
    stream: stream.duplex,
    context,
    action,
    whenOver: (over) => stream.listen({ progressed: () => undefined, over }),
    reset: () => stream.reset(),
    secured: (socket) => new TlsLayer(socket, stream, transport, context).connection,
  };
}
