import { TlsClientContext, TlsServerContext } from "../../net/mod.ts";
import type {
  BalancerConfiguration,
  CertificateFiles,
  FrontendTls,
  PoolTls,
} from "../configuration/contract.ts";
import { isSame } from "../configuration/difference.ts";
import { filesOfFrontend, filesOfPool, type LoadedFiles, loadFiles } from "../configuration/files.ts";
import { type ConfigurationProblem, formatPath } from "../configuration/problem.ts";
import { ConfigurationError } from "./configuration_error.ts";

/** What the frontends and pools of a configuration speak TLS with, by their names, and the files it was made of. */
export interface TlsContexts {
  readonly configuration: BalancerConfiguration;
  readonly texts: LoadedFiles;
  readonly frontends: ReadonlyMap<string, TlsServerContext>;
  readonly pools: ReadonlyMap<string, TlsClientContext>;
}

/**
 * Reads the certificates and keys that a configuration names, and makes of them what is needed to speak TLS.
 *
 * @param before What was made the last time: where neither the configuration nor a file has changed, it is the same now.
 * @returns The contexts, or what is wrong with which file.
 */
export async function openTls(
  configuration: BalancerConfiguration,
  before?: TlsContexts,
): Promise<TlsContexts | ConfigurationProblem[]> {
  const texts = await loadFiles(configuration);
  if ("length" in texts) return texts;
  const maker = new ContextMaker(texts, before);
  for (const frontend of configuration.frontends.values()) {
    if (!frontend.tls) continue;
    const old = before?.configuration.frontends.get(frontend.name);
    const known = maker.isUntouched(
      old?.tls,
      frontend.tls,
      filesOfFrontend(frontend).map(({ file }) => file),
    );
    maker.addFrontend(frontend.name, frontend.tls, known ? before?.frontends.get(frontend.name) : undefined);
  }
  for (const pool of configuration.pools.values()) {
    if (!pool.tls) continue;
    const old = before?.configuration.pools.get(pool.name);
    const known = maker.isUntouched(
      old?.tls,
      pool.tls,
      filesOfPool(pool).map(({ file }) => file),
    );
    maker.addPool(pool.name, pool.tls, known ? before?.pools.get(pool.name) : undefined);
  }
  const { problems, frontends, pools } = maker;
  return problems.length > 0 ? problems : { configuration, texts, frontends, pools };
}

class ContextMaker {
  readonly problems: ConfigurationProblem[] = [];
  readonly frontends = new Map<string, TlsServerContext>();
  readonly pools = new Map<string, TlsClientContext>();
  readonly #texts: LoadedFiles;
  readonly #before: TlsContexts | undefined;

  constructor(texts: LoadedFiles, before: TlsContexts | undefined) {
    this.#texts = texts;
    this.#before = before;
  }

  isUntouched(old: unknown, now: unknown, files: readonly string[]): boolean {
    return isSame(old, now) && files.every((file) => this.#before?.texts.get(file) === this.#texts.get(file));
  }

  addFrontend(name: string, tls: FrontendTls, known: TlsServerContext | undefined): void {
    const { minVersion, alpn } = tls;
    const certificates = tls.certificates.map((files) => this.#read(files));
    const context = known ?? TlsServerContext.create({ certificates, minVersion, alpn });
    if (typeof context === "string") this.#wrong(["frontends", name, "tls", "certificates"], context);
    else this.frontends.set(name, context);
  }

  addPool(name: string, tls: PoolTls, known: TlsClientContext | undefined): void {
    const { serverName, ca, verify, identity, minVersion, alpn } = tls;
    const options = {
      verify,
      minVersion,
      ...(serverName !== undefined && { serverName }),
      ...(ca !== undefined && { ca: this.#texts.get(ca) ?? "" }),
      ...(identity && { identity: this.#read(identity) }),
      ...(alpn && { alpn }),
    };
    const context = known ?? TlsClientContext.create(options);
    if (typeof context === "string") this.#wrong(["pools", name, "tls"], context);
    else this.pools.set(name, context);
  }

  #read({ certificate, key }: CertificateFiles): { readonly certificate: string; readonly key: string } {
    return { certificate: this.#texts.get(certificate) ?? "", key: this.#texts.get(key) ?? "" };
  }

  #wrong(path: readonly string[], message: string): void {
    this.problems.push({ path: formatPath(path), message });
  }
}

/** Whether the certificates and keys that a configuration names can be used; undefined if they can. Starts nothing. */
export async function checkFiles(
  configuration: BalancerConfiguration,
): Promise<ConfigurationError | undefined> {
  const opened = await openTls(configuration);
  return "length" in opened ? new ConfigurationError(opened, configuration.file) : undefined;
}
