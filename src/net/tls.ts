import { isIP } from "node:net";
import { checkServerIdentity, connect, type PeerCertificate, TLSSocket } from "node:tls";
import type { Connection } from "./contract.ts";
import { takeCarrier } from "./tls_carrier.ts";
import type { TlsClientContext } from "./tls_client_context.ts";
import { HANDSHAKE_TIMEOUT_MS, shakeHands } from "./tls_handshake.ts";
import { chooseCertificate, type TlsServerContext } from "./tls_server_context.ts";
import { NATIVE_VERSIONS } from "./tls_version.ts";

/** Options for {@linkcode acceptTls}. */
export interface AcceptTlsOptions {
  /** Bytes that were read from the connection already. */
  readonly head?: Uint8Array | undefined;
  /** The longest that the handshake may take, in milliseconds. @default {10000} */
  readonly timeoutMs?: number | undefined;
  /** Gives up. */
  readonly signal?: AbortSignal | undefined;
}

/** A connection that speaks TLS, and what was agreed on. */
export interface TlsAccepted {
  /** The first bytes come in a later turn, so the handler may be set right after. */
  readonly connection: Connection;
  /** The host name that the client asked for. */
  readonly serverName: string | undefined;
  /** Such as `TLSv1.3`. */
  readonly protocol: string;
  /** The application protocol agreed on. */
  readonly alpn: string | undefined;
}

/**
 * Speaks TLS, as the server, over an accepted and paused connection of {@linkcode nodeDriver} or {@linkcode tlsCarrierDriver}.
 *
 * - The given connection is over at once and its handler hears nothing more; the one of the result takes its place. It counts the
 *   bytes that TLS carries.
 * - A client that offers application protocols of which we speak none is refused.
 * - An end of the other side that TLS does not announce is taken for an end.
 *
 * @example A server that greets by TLS
 * ```ts
 * import assert from "node:assert/strict";
 * import { once } from "node:events";
 * import { readFileSync } from "node:fs";
 * import { connect } from "node:tls";
 * import { acceptTls, nodeDriver, TlsServerContext } from "chorus";
 *
 * const read = (file: string) => readFileSync(`/etc/chorus/${file}`, "utf8");
 * const context = TlsServerContext.create({ certificates: [{ certificate: read("server.pem"), key: read("server.key") }] });
 * if (typeof context === "string") throw new Error(context);
 * await using _ = await nodeDriver().listen({ path: "/var/lib/chorus/tls.sock" }, (client) => {
 *   client.pause();
 *   void acceptTls(client, context).then(({ connection }) => {
 *     connection.write(new TextEncoder().encode("hello"));
 *     connection.close();
 *   });
 *   return { data: () => undefined, close: () => undefined };
 * });
 * const client = connect({ path: "/var/lib/chorus/tls.sock", ca: read("ca.pem"), servername: "localhost" });
 * const [greeting] = await once(client, "data");
 * assert.equal(String(greeting), "hello");
 * ```
 *
 * @throws {NetError} `tls`, `timeout`, `closed` where it has ended already; the signal's reason. The connection is aborted then.
 */
export async function acceptTls(
  connection: Connection,
  context: TlsServerContext,
  options: AcceptTlsOptions = {},
): Promise<TlsAccepted> {
  const { head, timeoutMs = HANDSHAKE_TIMEOUT_MS, signal } = options;
  const { settings } = context;
  const { minVersion, alpn } = settings;
  const carrier = takeCarrier(connection, "accept TLS from", head);
  const start = (): TLSSocket =>
    new TLSSocket(carrier.stream, {
      isServer: true,
      secureContext: settings.first,
      SNICallback: (name, choose) => choose(null, chooseCertificate(settings, name)),
      minVersion: NATIVE_VERSIONS[minVersion],
      ...(alpn && { ALPNProtocols: [...alpn] }),
    });
  const { socket, connection: secured } = await shakeHands({
    carrier,
    start,
    ready: "secure",
    timeoutMs,
    signal,
  });
  return {
    connection: secured,
    serverName: serverNameOf(socket),
    protocol: socket.getProtocol() ?? "",
    alpn: socket.alpnProtocol || undefined,
  };
}

/** The types leave it out. */
function serverNameOf(socket: TLSSocket): string | undefined {
  const name = "servername" in socket ? socket.servername : undefined;
  return typeof name === "string" && name !== "" ? name : undefined;
}

/** Options for {@linkcode connectTls}. */
export interface ConnectTlsOptions {
  /** What the server's certificate must be for where the context has no `serverName`: a host name or an IP address. */
  readonly host: string;
  /** The longest that the handshake may take, in milliseconds. @default {10000} */
  readonly timeoutMs?: number | undefined;
  /** Gives up. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Speaks TLS, as the client, over a connection that {@linkcode nodeDriver} or {@linkcode tlsCarrierDriver} has dialed and nothing was
 * read from. What was written to it goes before.
 *
 * The given connection is over at once and its handler hears nothing more; the result takes its place, and its first bytes come
 * in a later turn. With TLS 1.3 a server that refuses our identity is heard of after the handshake: as `reset` or `failed`.
 *
 * @example A client that trusts one authority
 * ```ts
 * import assert from "node:assert/strict";
 * import { readFileSync } from "node:fs";
 * import { connectTls, nodeDriver, TlsClientContext } from "chorus";
 *
 * const context = TlsClientContext.create({ ca: readFileSync("/etc/chorus/ca.pem", "utf8") });
 * if (typeof context === "string") throw new Error(context);
 * const quiet = { data: () => undefined, close: () => undefined };
 * const plain = await nodeDriver().connect({ host: "127.0.0.1", port: 7443 }, quiet);
 * const secured = await connectTls(plain, context, { host: "localhost" });
 * const echo = Promise.withResolvers<string>();
 * secured.handle({ ...quiet, data: (_, chunk) => echo.resolve(new TextDecoder().decode(chunk)) });
 * secured.write(new TextEncoder().encode("hello"));
 * assert.equal(await echo.promise, "hello");
 * secured.close();
 * ```
 *
 * @throws {NetError} `tls`, `timeout`, `closed` where it has ended already; the signal's reason. The connection is aborted then.
 */
export async function connectTls(
  connection: Connection,
  context: TlsClientContext,
  options: ConnectTlsOptions,
): Promise<Connection> {
  const { host, timeoutMs = HANDSHAKE_TIMEOUT_MS, signal } = options;
  const { serverName: name = host, verify, minVersion, alpn, context: secureContext } = context.settings;
  const carrier = takeCarrier(connection, "speak TLS with");
  const start = (): TLSSocket =>
    connect({
      socket: carrier.stream,
      allowHalfOpen: true,
      secureContext,
      minVersion: NATIVE_VERSIONS[minVersion],
      rejectUnauthorized: verify,
      checkServerIdentity: (_: string, certificate: PeerCertificate) =>
        verify ? checkServerIdentity(name, certificate) : undefined,
      // An address is no server name (RFC 6066, section 3).
      ...(isIP(name) === 0 && { servername: name }),
      ...(alpn && { ALPNProtocols: [...alpn] }),
    });
  return (await shakeHands({ carrier, start, ready: "secureConnect", timeoutMs, signal })).connection;
}
