import { basename, dirname, join, resolve } from "node:path";
import type { KeySource } from "../contract.ts";
import type {
  BalancerConfiguration,
  CertificateFiles,
  FrontendConfiguration,
  HeartbeatKind,
  PoolConfiguration,
  PoolTls,
} from "./contract.ts";
import type { FrontendValues } from "./frontend_schema.ts";
import type { KeyValues, PoolTlsValues } from "./pool_parts_schema.ts";
import type { PoolValues } from "./pool_schema.ts";
import type { FileValues } from "./schema.ts";

/**
 * Makes a configuration of what a file without mistakes says: what depends on other keys is filled in, files become absolute.
 *
 * @param file The file, absolute. @param text What it holds.
 */
export function normalize(values: FileValues, file: string, text: string): BalancerConfiguration {
  const folder = dirname(file);
  const frontends = Object.entries(values.frontends).map(
    ([name, found]) => [name, normalizeFrontend(name, found, folder)] as const,
  );
  const pools = Object.entries(values.pools).map(
    ([name, found]) => [name, normalizePool(name, values, found, folder)] as const,
  );
  const { tokenFile } = values.admin;
  return {
    text,
    file,
    frontends: new Map(frontends),
    pools: new Map(pools),
    admin: { listen: values.admin.listen, tokenFile: tokenFile && resolve(folder, tokenFile) },
    redis: values.redis,
    advertise: values.advertise,
    nodeId: values.nodeId,
    limits: values.limits,
    workers: values.workers,
    state: stateFile(values, file),
    graceMs: values.grace,
    log: values.log,
  };
}

/** Where to keep what is changed at run time; undefined for nowhere. */
export function stateFile({ state }: Pick<FileValues, "state">, file: string): string | undefined {
  if (state === "none") return undefined;
  const folder = dirname(file);
  return state === undefined ? join(folder, `${basename(file, ".json")}.state.json`) : resolve(folder, state);
}

function normalizeFrontend(name: string, values: FrontendValues, folder: string): FrontendConfiguration {
  const { tls } = values;
  const certificates = tls?.certificates.map((files) => absolute(files, folder)) ?? [];
  return { ...values, name, tls: tls && { ...tls, certificates } };
}

function absolute({ certificate, key }: CertificateFiles, folder: string): CertificateFiles {
  return { certificate: resolve(folder, certificate), key: resolve(folder, key) };
}

function normalizePool(
  name: string,
  values: FileValues,
  { key, registry, heartbeat, tls, file, ...rest }: PoolValues,
  folder: string,
): PoolConfiguration {
  return {
    ...rest,
    name,
    key: key && toKeySource(key),
    file: file === undefined ? undefined : resolve(folder, file),
    registry: registry === true ? name : registry,
    heartbeat: { ...heartbeat, kind: kindOf(name, values) },
    tls: tls && toPoolTls(tls, folder),
  };
}

/** The kind of a pool's heartbeat, asked for or not. */
export function kindOf(
  name: string,
  { frontends, pools }: Pick<FileValues, "frontends" | "pools">,
): HeartbeatKind {
  const pool = pools[name];
  if (pool?.heartbeat.kind) return pool.heartbeat.kind;
  if ((pool?.registry === true ? name : pool?.registry) === "chat") return "chat";
  const isUdp = Object.values(frontends).some((each) => each.pool === name && each.transport === "udp");
  return isUdp ? "none" : "tcp";
}

/** After the checks, which see to it that what belongs to a source is there. */
function toKeySource({ from, name = "", field = "" }: KeyValues): KeySource {
  switch (from) {
    case "sni":
    case "http-path":
      return { from };
    case "http-header":
      return { from, name };
    case "json":
      return { from, field };
  }
}

function toPoolTls({ certificate, key, ca, ...rest }: PoolTlsValues, folder: string): PoolTls {
  return {
    ...rest,
    ca: ca && resolve(folder, ca),
    identity: certificate && key ? absolute({ certificate, key }, folder) : undefined,
  };
}
