import type { SecureVersion } from "node:tls";

/** A version of TLS that we speak. */
export type TlsVersion = "1.2" | "1.3";

/** The versions by the runtimes' own names. */
export const NATIVE_VERSIONS: Readonly<Record<TlsVersion, SecureVersion>> = {
  "1.2": "TLSv1.2",
  "1.3": "TLSv1.3",
};

/** @returns What is wrong with the application protocols, if anything is. */
export function checkAlpn(alpn: readonly string[] | undefined): string | undefined {
  const bad = alpn?.find((name) => !/^[\x21-\x7e]{1,255}$/.test(name));
  return bad === undefined ? undefined : `alpn "${bad}" is not a name of 1 to 255 ASCII characters`;
}
