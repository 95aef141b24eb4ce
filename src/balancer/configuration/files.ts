import { promises as fs } from "node:fs";
import type { BalancerConfiguration, FrontendConfiguration, PoolConfiguration } from "./contract.ts";
import { type ConfigurationProblem, formatPath, MAX_PROBLEMS, type Path } from "./problem.ts";

/** A file that a frontend or a pool names. */
export interface NamedFile {
  /** The key that names it, such as `frontends.web.tls.certificates[0].key`. */
  readonly path: string;
  /** Absolute. */
  readonly file: string;
  readonly holds: "certificate" | "key";
}

/** The texts of files by their absolute paths. */
export type LoadedFiles = ReadonlyMap<string, string>;

/** The most bytes of one certificate or key file. */
export const MAX_FILE_BYTES: number = 1024 * 1024;

/** The certificates and keys that a configuration names. */
export function namedFiles({
  frontends,
  pools,
}: Pick<BalancerConfiguration, "frontends" | "pools">): NamedFile[] {
  return [
    ...Array.from(frontends.values()).flatMap(filesOfFrontend),
    ...Array.from(pools.values()).flatMap(filesOfPool),
  ];
}

/** The certificates and keys that a frontend names. */
export function filesOfFrontend({ name, tls }: FrontendConfiguration): NamedFile[] {
  return (tls?.certificates ?? []).flatMap(({ certificate, key }, at) => {
    const path: Path = ["frontends", name, "tls", "certificates", at];
    return [
      { path: formatPath([...path, "certificate"]), file: certificate, holds: "certificate" },
      { path: formatPath([...path, "key"]), file: key, holds: "key" },
    ] as const;
  });
}

/** The certificates and keys that a pool names. */
export function filesOfPool({ name, tls }: PoolConfiguration): NamedFile[] {
  const at = (key: string): string => formatPath(["pools", name, "tls", key]);
  const { ca, identity } = tls ?? {};
  const found: (NamedFile | undefined)[] = [
    ca === undefined ? undefined : { path: at("ca"), file: ca, holds: "certificate" },
    identity && { path: at("certificate"), file: identity.certificate, holds: "certificate" },
    identity && { path: at("key"), file: identity.key, holds: "key" },
  ];
  return found.filter((file) => file !== undefined);
}

/**
 * Reads the certificates and keys that a configuration names.
 *
 * What is in them is looked at as far as telling a certificate from a key. Whether they fit together is found out by who uses them.
 *
 * @returns The texts; or the problems, each with its key, at most {@linkcode MAX_PROBLEMS}.
 */
export async function loadFiles(
  configuration: Pick<BalancerConfiguration, "frontends" | "pools">,
): Promise<LoadedFiles | ConfigurationProblem[]> {
  const texts = new Map<string, string>();
  const problems: ConfigurationProblem[] = [];
  for (const { path, file, holds } of namedFiles(configuration)) {
    const found = texts.get(file) ?? (await read(file));
    const problem = typeof found === "string" ? contradiction(found, holds) : found.problem;
    if (typeof found === "string") texts.set(file, found);
    if (problem !== undefined) problems.push({ path, message: `${JSON.stringify(file)} ${problem}` });
    if (problems.length >= MAX_PROBLEMS) break;
  }
  return problems.length === 0 ? texts : problems;
}

const CODES: Readonly<Record<string, string>> = {
  ENOENT: "is not there",
  ENOTDIR: "is not there",
  EACCES: "may not be read by this process",
  EPERM: "may not be read by this process",
  ELOOP: "is a link that leads nowhere",
};

async function read(file: string): Promise<string | { readonly problem: string }> {
  try {
    const stats = await fs.stat(file);
    if (!stats.isFile()) return { problem: "is not a file" };
    if (stats.size > MAX_FILE_BYTES)
      return { problem: `has ${stats.size} bytes; at most ${MAX_FILE_BYTES} are allowed` };
    return await fs.readFile(file, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    return { problem: CODES[code] ?? `cannot be read: ${code}` };
  }
}

const CERTIFICATE = /^-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/m;
const KEY = /^-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----/m;
const LOCKED_KEY = /^-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m;

/** Why a text is not what it should be; undefined when it is. */
function contradiction(text: string, holds: "certificate" | "key"): string | undefined {
  if (holds === "certificate") return CERTIFICATE.test(text) ? undefined : "holds no certificate in PEM";
  if (LOCKED_KEY.test(text)) return "holds a key with a passphrase; write it without one";
  return KEY.test(text) ? undefined : "holds no private key in PEM";
}
