import { createSecureContext, type SecureContext } from "node:tls";
import { checkCertificate, type TlsCertificate } from "./tls_certificate.ts";
import { checkAlpn, NATIVE_VERSIONS, type TlsVersion } from "./tls_version.ts";

/** Options for {@linkcode TlsServerContext}. */
export interface TlsServerOptions {
  /** At least one. The first is shown to clients that ask for no name, or for one that none is for. */
  readonly certificates: readonly TlsCertificate[];
  /** The oldest version that is spoken. @default {"1.2"} */
  readonly minVersion?: TlsVersion | undefined;
  /** The application protocols offered, best first. Absent: none is agreed on, whatever a client offers. */
  readonly alpn?: readonly string[] | undefined;
}

/** What a handshake is done with. */
export interface TlsServerSettings {
  readonly minVersion: TlsVersion;
  readonly alpn: readonly string[] | undefined;
  readonly first: SecureContext;
  /** By host name in lower case; wildcards as `*.example.test`. */
  readonly byName: ReadonlyMap<string, SecureContext>;
}

/**
 * What a TLS server shows of itself: certificates, chosen by the server name that a client asks for.
 *
 * - A certificate is for the host names among its own alternative names. A wildcard stands for one label. Where two are for
 *   one name, the earlier one is shown.
 * - Whether a certificate has run out is left to the clients, who see it.
 *
 * @example A certificate is renewed
 * ```ts
 * import assert from "node:assert/strict";
 * import { readFileSync } from "node:fs";
 * import { TlsServerContext } from "chorus";
 *
 * const read = (file: string) => readFileSync(`/etc/chorus/${file}`, "utf8");
 * const options = () => ({ certificates: [{ certificate: read("server.pem"), key: read("server.key") }] });
 * const context = TlsServerContext.create(options());
 * if (typeof context === "string") throw new Error(context);
 * // The next client is shown what the files hold by now.
 * assert.equal(context.update(options()), undefined);
 * ```
 */
export class TlsServerContext {
  #settings: TlsServerSettings;

  private constructor(settings: TlsServerSettings) {
    this.#settings = settings;
  }

  /** Reads the certificates once, for all connections. @returns The context, or a sentence that says what is wrong with which certificate. */
  static create(options: TlsServerOptions): TlsServerContext | string {
    const settings = toSettings(options);
    return typeof settings === "string" ? settings : new TlsServerContext(settings);
  }

  /**
   * Replaces everything, from the next handshake on. Live connections go on as they are.
   *
   * @returns What is wrong: then nothing has changed.
   */
  update(options: TlsServerOptions): string | undefined {
    const settings = toSettings(options);
    if (typeof settings === "string") return settings;
    this.#settings = settings;
    return undefined;
  }

  /** @internal What the next handshake is done with. */
  get settings(): TlsServerSettings {
    return this.#settings;
  }
}

/** The certificate for a client that asks for `serverName`; `""` where it asks for none. */
export function chooseCertificate(settings: TlsServerSettings, serverName: string): SecureContext {
  const name = serverName.toLowerCase();
  const wildcard = `*${name.slice(name.indexOf("."))}`;
  return settings.byName.get(name) ?? settings.byName.get(wildcard) ?? settings.first;
}

function toSettings(options: TlsServerOptions): TlsServerSettings | string {
  const { certificates, minVersion = "1.2", alpn } = options;
  const problem = checkAlpn(alpn);
  if (problem !== undefined) return problem;
  const byName = new Map<string, SecureContext>();
  let first: SecureContext | undefined;
  for (const [index, given] of certificates.entries()) {
    const made = toContext(given, minVersion);
    if (typeof made === "string") return `certificate ${index + 1}: ${made}`;
    first ??= made.context;
    for (const name of made.names) if (!byName.has(name)) byName.set(name, made.context);
  }
  return first === undefined ? "no certificate is given" : { minVersion, alpn, first, byName };
}

function toContext(
  given: TlsCertificate,
  minVersion: TlsVersion,
): { readonly context: SecureContext; readonly names: readonly string[] } | string {
  const checked = checkCertificate(given);
  if (typeof checked === "string") return checked;
  const { certificate: cert, key, names } = checked;
  try {
    return { context: createSecureContext({ cert, key, minVersion: NATIVE_VERSIONS[minVersion] }), names };
  } catch (error) {
    return `it cannot be used: ${error instanceof Error ? error.message : String(error)}`;
  }
}
