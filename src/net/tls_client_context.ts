import { createSecureContext, getCACertificates, type SecureContext } from "node:tls";
import { certificatesIn, checkCertificate, type TlsCertificate } from "./tls_certificate.ts";
import { checkAlpn, NATIVE_VERSIONS, type TlsVersion } from "./tls_version.ts";

/** Options for {@linkcode TlsClientContext}. */
export interface TlsClientOptions {
  /** The host name that is asked for, and that the server's certificate must be for. @default {the host connected to} */
  readonly serverName?: string | undefined;
  /** PEM: the authorities that are trusted. @default {those of the runtime and of the system} */
  readonly ca?: string | undefined;
  /** Whether the server must prove who it is; false is for tests and for networks that nobody else is on. @default {true} */
  readonly verify?: boolean | undefined;
  /** The oldest version that is spoken. @default {"1.2"} */
  readonly minVersion?: TlsVersion | undefined;
  /** What we show to a server that asks who we are. @default {nothing} */
  readonly identity?: TlsCertificate | undefined;
  /** The application protocols offered, best first. @default {none} */
  readonly alpn?: readonly string[] | undefined;
}

/** What a handshake is done with. */
export interface TlsClientSettings {
  readonly serverName: string | undefined;
  readonly verify: boolean;
  readonly minVersion: TlsVersion;
  readonly alpn: readonly string[] | undefined;
  readonly context: SecureContext;
}

/**
 * How TLS servers are spoken to: whom we trust, who we say we are. Made once, used for any number of connections.
 *
 * @example Backends that are spoken to by TLS
 * ```ts
 * import assert from "node:assert/strict";
 * import { readFileSync } from "node:fs";
 * import { Dialer, systemDriver, TlsClientContext } from "chorus";
 *
 * const tls = TlsClientContext.create({ ca: readFileSync("/etc/chorus/ca.pem", "utf8"), serverName: "localhost" });
 * if (typeof tls === "string") throw new Error(tls);
 * const dialer = new Dialer({ driver: systemDriver(), nodeId: "edge-1", tls });
 * const greeted = Promise.withResolvers<void>();
 * const handler = { data: () => greeted.resolve(), close: () => undefined };
 * const connection = await dialer.probeDriver.connect({ host: "127.0.0.1", port: 7443 }, handler);
 * connection.write(new TextEncoder().encode("hello"));
 * await greeted.promise;
 * connection.close();
 * assert.equal(TlsClientContext.create({ ca: "" }), "ca: its text holds no PEM certificate");
 * ```
 */
export class TlsClientContext {
  /** @internal What a handshake is done with. */
  readonly settings: TlsClientSettings;

  private constructor(settings: TlsClientSettings) {
    this.settings = settings;
  }

  /** Reads the options once, for all connections. @returns The context, or a sentence that says what is wrong. */
  static create(options: TlsClientOptions): TlsClientContext | string {
    const { serverName, verify = true, minVersion = "1.2", alpn } = options;
    const problem = checkAlpn(alpn);
    if (problem !== undefined) return problem;
    const context = toContext(options, minVersion);
    if (typeof context === "string") return context;
    return new TlsClientContext({ serverName, verify, minVersion, alpn, context });
  }
}

function toContext(options: TlsClientOptions, minVersion: TlsVersion): SecureContext | string {
  const ca = options.ca === undefined ? trusted() : certificatesIn(options.ca);
  if (typeof ca === "string") return `ca: ${ca}`;
  const identity = options.identity && checkCertificate(options.identity);
  if (typeof identity === "string") return `identity: ${identity}`;
  try {
    return createSecureContext({
      ca: ca.map(({ pem }) => pem),
      minVersion: NATIVE_VERSIONS[minVersion],
      ...(identity && { cert: identity.certificate, key: identity.key }),
    });
  } catch (error) {
    return `tls: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** The runtimes ship authorities of their own and leave out those that the machine's administrator has added. */
function trusted(): readonly { readonly pem: string }[] {
  const all = new Set([...getCACertificates("default"), ...getCACertificates("system")]);
  return [...all].map((pem) => ({ pem }));
}
