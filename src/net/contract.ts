/** Where a socket is: TCP by host and port, or a unix socket by its path (`""` where the other side has none). */
export type Address = TcpAddress | { readonly path: string };

/** Where a TCP socket is. */
export interface TcpAddress {
  /** A name or an address; an IPv6 address without brackets. */
  readonly host: string;
  /** 0 to 65,535. */
  readonly port: number;
}

/**
 * Why a connection is over.
 *
 * - `finished`: both sides ended in order.
 * - `closed`: we closed it with `close()`.
 * - `aborted`: we aborted it with `abort()`.
 * - `reset`: the other side reset it, or it broke.
 * - `failed`: anything else; `error` tells.
 */
export type CloseReason = "finished" | "closed" | "aborted" | "reset" | "failed";

/**
 * Everything that can happen to a connection. None is called before the connection's method that causes it has returned.
 *
 * A handler that throws aborts its own connection (reason `failed`) and no other. What `close` throws is reported to the
 * listener's `onError`; for a dialed connection it is an uncaught error, as nobody is left to tell.
 */
export interface ConnectionHandler {
  /**
   * Bytes came.
   *
   * The chunk belongs to the handler: it may be kept or written elsewhere, no driver touches its bytes again.
   * Never called while the connection is paused.
   */
  data(connection: Connection, chunk: Uint8Array): void;
  /**
   * All that `write` had queued is with the system. Follows the `write`s that returned false, unless our side has ended or
   * the connection closes.
   */
  drain?(connection: Connection): void;
  /** The other side will send no more. Writing is still possible; whoever has nothing left to say calls `end()`. Once at most. */
  end?(connection: Connection): void;
  /** It is over; nothing follows. Exactly once. `error` is given for `reset` (a `NetError`) and `failed`. */
  close(connection: Connection, reason: CloseReason, error?: Error): void;
}

/**
 * One stream connection, the same on every driver.
 *
 * - After `end()`, `close()`, `abort()` or the end of the connection, `write` drops its bytes and returns false.
 * - No-delay and keepalive ({@linkcode keepAliveMs}, where the runtime lets us choose) are on.
 * - Half-close is always on: when the other side has ended, we may go on writing. The connection is over once both sides ended.
 * - A reset may be noticed late while we do not read: when paused, and by the next `write` once the other side has ended.
 */
export interface Connection {
  /** Where the other side is. */
  readonly remote: Address;
  /** Where our side is. */
  readonly local: Address;
  /** Bytes taken by `write` that the system has not taken yet. */
  readonly queuedBytes: number;
  /** Bytes received and given to the handler so far. */
  readonly bytesRead: number;
  /** Bytes taken by `write` so far. */
  readonly bytesWritten: number;
  /**
   * Replaces the handler, from the next event on. The `end` or `close` that was reported before is told to the new one too, in
   * a later turn, so that taking a connection over misses nothing.
   */
  handle(handler: ConnectionHandler): void;
  /**
   * Sends bytes, in order. All of them are taken: what the system has no room for is queued without limit, so the caller
   * stops at false. The chunk must not be changed afterwards. Small writes of one turn go out together.
   *
   * @returns Whether to go on: false when bytes are queued (some drivers let up to 64 KiB wait first), then `drain` follows; or
   *   when the connection cannot be written to any more.
   */
  write(chunk: Uint8Array): boolean;
  /** Stops `data` and `end`, at once, until `resume()`. The other side is slowed down by the system's buffers. */
  pause(): void;
  /** Goes on after {@linkcode pause}. */
  resume(): void;
  /** Half-close: flushes what is queued, then tells the other side that no more follows. Still reads. */
  end(): void;
  /**
   * Flushes what is queued, then ends both directions; what comes meanwhile is read and dropped. Reports `closed` once the other
   * side has ended too, or {@linkcode CLOSE_TIMEOUT_MS} after everything was flushed. A peer that takes nothing for as long is
   * aborted, which is `failed` with `NetError` `timeout`; one that breaks first, `reset`: bytes may be lost.
   */
  close(): void;
  /** Ends it now and drops what is queued; the other side sees a reset where the driver can send one. Reports `aborted`. */
  abort(): void;
}

/** How long `close()` waits for a peer that takes nothing, in milliseconds. */
export const CLOSE_TIMEOUT_MS = 10_000;

/** Options for {@linkcode Driver.listen}. */
export interface ListenOptions {
  /** Connections that the system keeps waiting. Some drivers fix it (Bun: 512). @default {511} */
  backlog?: number;
  /** Lets several processes listen on one port; the system spreads the connections. @default {false} */
  reusePort?: boolean;
  /**
   * Called when a handler throws; and when accepting fails or a client is turned away, as `descriptors`, because hardly any is left:
   * once a second at most. The listener goes on.
   *
   * @default {ignored}
   */
  onError?: (error: Error, context: { readonly during: "accept" | "handler" }) => void;
  /**
   * Called when an accepted connection is over, whoever handles it by then: after its handler's `close`, once. One that is given to
   * TLS counts as over from then on. Must not throw.
   */
  onOver?: (connection: Connection) => void;
}

/** Options for {@linkcode Driver.connect}. */
export interface ConnectOptions {
  /** The longest that connecting may take, in milliseconds; then `NetError` `timeout`. @default {5000} */
  timeoutMs?: number;
  /** Ends connecting early: the promise rejects with the signal's reason. No effect once connected. */
  signal?: AbortSignal | undefined;
  /** The address to connect from. Drivers that cannot choose it say so by `NetError` `unsupported`. */
  localAddress?: string | undefined;
}

/** A listening socket. */
export interface Listener extends AsyncDisposable {
  /** Where it listens, with the real port where 0 was asked for. */
  readonly address: Address;
  /** Stops accepting and resolves when the socket is closed (and a unix socket's file removed). Live connections go on. Idempotent. */
  close(): Promise<void>;
}

/** Takes an accepted connection. The handler it returns gets every event; it may call `pause()` before returning. */
export type Accept = (connection: Connection) => ConnectionHandler;

/** One way to use the sockets of a runtime. */
export interface Driver {
  /** What it is called in messages: `node`, `bun`, `deno`. */
  readonly name: string;
  /**
   * Listens on `address`; port 0 takes a free one. A unix socket whose file is left from a dead process is replaced.
   *
   * @throws {NetError} `in_use`, `not_available`, `forbidden`, …
   */
  listen(address: Address, accept: Accept, options?: ListenOptions): Promise<Listener>;
  /**
   * Connects to `address` (a host name is looked up). Resolves when connected; the first `data` comes in a later turn,
   * so the handler may be replaced right after.
   *
   * @throws {NetError} `refused`, `timeout`, `unreachable`, `not_found`, …; the signal's reason when aborted.
   */
  connect(address: Address, handler: ConnectionHandler, options?: ConnectOptions): Promise<Connection>;
}
