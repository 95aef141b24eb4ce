import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";

/** A certificate and its private key. */
export interface TlsCertificate {
  /** PEM: the certificate itself, then those between it and the authority. Other blocks are passed over. */
  readonly certificate: string;
  /** PEM, not encrypted. May be the same text as `certificate`. */
  readonly key: string;
}

/** A certificate that fits its key, cut out of what was given. */
export interface CheckedCertificate {
  /** PEM: the whole chain and nothing else. */
  readonly certificate: string;
  /** PEM: the key and nothing else. */
  readonly key: string;
  /** The host names that it is for, in lower case; a wildcard as `*.example.test`. */
  readonly names: readonly string[];
}

/** @returns What is wrong, to go on after "certificate 2: ". */
export function checkCertificate(given: TlsCertificate): CheckedCertificate | string {
  const chain = certificatesIn(given.certificate);
  if (typeof chain === "string") return chain;
  const key = keyIn(given.key);
  if (typeof key === "string") return key;
  const [leaf] = chain;
  if (!leaf?.parsed.checkPrivateKey(key.parsed)) return "the private key belongs to another certificate";
  return {
    certificate: chain.map(({ pem }) => `${pem}\n`).join(""),
    key: `${key.pem}\n`,
    names: namesIn(leaf.parsed),
  };
}

interface PemCertificate {
  readonly pem: string;
  readonly parsed: X509Certificate;
}

/** The certificates of a PEM text, at least one, or what is wrong with it. */
export function certificatesIn(text: string): readonly PemCertificate[] | string {
  const found: PemCertificate[] = [];
  for (const [pem] of text.matchAll(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g)) {
    try {
      found.push({ pem, parsed: new X509Certificate(pem) });
    } catch {
      return `PEM certificate ${found.length + 1} of its text cannot be read`;
    }
  }
  return found.length === 0 ? "its text holds no PEM certificate" : found;
}

function keyIn(text: string): { readonly pem: string; readonly parsed: KeyObject } | string {
  const found =
    /-----BEGIN (?<kind>[A-Z ]*)PRIVATE KEY-----(?<body>[\s\S]+?)-----END [A-Z ]*PRIVATE KEY-----/.exec(text);
  if (!found) return "its key's text holds no PEM private key";
  const [pem] = found;
  if (found.groups?.kind === "ENCRYPTED " || found.groups?.body?.includes("ENCRYPTED"))
    return "its private key is encrypted; give it without a passphrase";
  try {
    return { pem, parsed: createPrivateKey(pem) };
  } catch {
    return "its private key cannot be read";
  }
}

/** The host names among the alternative names, which alone count: the subject says nothing about hosts. */
function namesIn(certificate: X509Certificate): string[] {
  const alternatives = certificate.subjectAltName?.split(", ") ?? [];
  return alternatives
    .filter((entry) => entry.startsWith("DNS:"))
    .map((entry) => entry.slice("DNS:".length).toLowerCase());
}
