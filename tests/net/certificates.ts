/**
 * Certificates for tests, made by the system's `openssl` in a moment and kept for the life of the process.
 *
 * @module
 */
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import type { TlsCertificate } from "../../src/net/mod.ts";
import { temporaryFolder } from "../helpers.ts";

const execute = promisify(execFile);

/** Options for {@linkcode certificate}. */
export interface CertificateOptions {
  /** Who signs it. @default {authority()} the one of this process */
  signedBy?: TlsCertificate;
  /** Days that it is valid from now on; a negative number has run out. @default {3650} */
  days?: number;
  /** @default {"ec"} */
  kind?: "ec" | "rsa";
}

const kept = new Map<string, Promise<TlsCertificate>>();

/** A certificate for these host names and addresses, the same one each time. Its subject is the first of them. */
export function certificate(
  names: readonly string[],
  options: CertificateOptions = {},
): Promise<TlsCertificate> {
  const key = JSON.stringify([names, options]);
  const made = kept.get(key) ?? sign(names, options);
  kept.set(key, made);
  return made;
}

async function sign(names: readonly string[], options: CertificateOptions): Promise<TlsCertificate> {
  const { signedBy = await authority(), days = 3650, kind = "ec" } = options;
  const alternatives = names.map((name) => (isIP(name) === 0 ? `DNS:${name}` : `IP:${name}`));
  const extensions = ["basicConstraints=critical,CA:FALSE", `subjectAltName=${alternatives.join(",")}`];
  return await openssl({ subject: names[0] ?? "nobody", extensions, days, kind, signedBy });
}

/** An authority whose own certificate is its trust anchor, one for each name. */
export function authority(name = "Chorus test authority"): Promise<TlsCertificate> {
  const extensions = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"];
  const made = kept.get(name) ?? openssl({ subject: name, extensions, days: 3650, kind: "ec" });
  kept.set(name, made);
  return made;
}

interface Request {
  readonly subject: string;
  readonly extensions: readonly string[];
  readonly days: number;
  readonly kind: "ec" | "rsa";
  readonly signedBy?: TlsCertificate;
}

async function openssl(request: Request): Promise<TlsCertificate> {
  using folder = temporaryFolder();
  const file = (name: string, text: string): string => {
    const path = join(folder.path, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const { subject, extensions, days, kind, signedBy } = request;
  const config = file("config", configOf(subject, extensions));
  const signer = signedBy
    ? ["-CA", file("ca.pem", signedBy.certificate), "-CAkey", file("ca.key", signedBy.key)]
    : [];
  const key = kind === "rsa" ? ["rsa:2048"] : ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
  const args = ["req", "-nodes", "-config", config, "-newkey", ...key, "-keyout", "-"];
  if (days > 0) return toCertificate(await run([...args, "-x509", "-days", String(days), ...signer]));
  // Only this way of signing takes a day that has gone by.
  const asked = await run(args);
  const extended = ["-extfile", config, "-extensions", "extensions", "-days", String(days)];
  const signed = await run([
    "x509",
    "-req",
    "-in",
    file("request", asked),
    "-CAcreateserial",
    ...signer,
    ...extended,
  ]);
  return toCertificate(asked + signed);
}

function configOf(subject: string, extensions: readonly string[]): string {
  const request = ["[req]", "distinguished_name=subject", "prompt=no", "x509_extensions=extensions"];
  return [...request, "[subject]", `CN=${subject}`, "[extensions]", ...extensions, ""].join("\n");
}

async function run(args: readonly string[]): Promise<string> {
  try {
    return (await execute("openssl", args)).stdout;
  } catch (cause) {
    throw new Error(`Cannot make a certificate (the tests need openssl 3): ${String(cause)}`, { cause });
  }
}

function toCertificate(pem: string): TlsCertificate {
  return { certificate: block(pem, "CERTIFICATE"), key: block(pem, "PRIVATE KEY") };
}

function block(pem: string, label: string): string {
  const found = new RegExp(`-----BEGIN ${label}-----[^-]+-----END ${label}-----\n`).exec(pem);
  if (!found) throw new Error(`Cannot make a certificate: openssl gave no ${label}`);
  return found[0];
}
