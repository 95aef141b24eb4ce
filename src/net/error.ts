/**
 * What went wrong with a socket, the same on every runtime.
 *
 * `refused` nobody listens · `reset` broken by the other side · `timeout` took too long · `unreachable` no way there ·
 * `not_found` no such host or unix socket · `in_use` the address is taken · `not_available` not an address of this machine ·
 * `forbidden` not allowed by the system · `descriptors` no file descriptor or port left · `unsupported` this driver cannot do it ·
 * `too_large` more than a datagram holds · `tls` the two sides found no way to speak TLS, or do not trust each other · `closed` was closed already · `unknown` see `cause`.
 */
export type NetErrorCode =
  | "refused"
  | "reset"
  | "timeout"
  | "unreachable"
  | "not_found"
  | "in_use"
  | "not_available"
  | "forbidden"
  | "descriptors"
  | "unsupported"
  | "too_large"
  | "tls"
  | "closed"
  | "unknown";

/**
 * A socket operation failed. `code` tells what happened, `cause` holds what the runtime said.
 *
 * @example Nobody listens
 * ```ts
 * import assert from "node:assert/strict";
 * import { NetError, systemDriver } from "chorus";
 *
 * const quiet = { data: () => undefined, close: () => undefined };
 * const dialed = systemDriver().connect({ host: "127.0.0.1", port: 1 }, quiet);
 * const error = await dialed.catch((error: unknown) => error);
 * assert(error instanceof NetError && error.code === "refused");
 * ```
 */
export class NetError extends Error {
  /** Tells it from other errors. */
  override readonly name = "NetError";
  /** What is wrong, whatever the runtime calls it. */
  readonly code: NetErrorCode;

  /** Says what failed. @param message One sentence. */
  constructor(code: NetErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

const CODES: Readonly<Record<string, NetErrorCode>> = {
  ECONNREFUSED: "refused",
  ECONNRESET: "reset",
  ECONNABORTED: "reset",
  ENOTCONN: "reset",
  EPIPE: "reset",
  ETIMEDOUT: "timeout",
  EHOSTUNREACH: "unreachable",
  ENETUNREACH: "unreachable",
  ENOTFOUND: "not_found",
  EAI_AGAIN: "not_found",
  ENOENT: "not_found",
  EADDRINUSE: "in_use",
  EADDRNOTAVAIL: "not_available",
  EACCES: "forbidden",
  EPERM: "forbidden",
  EMFILE: "descriptors",
  ENFILE: "descriptors",
  EAGAIN: "descriptors",
  EMSGSIZE: "too_large",
};

/**
 * Wraps whatever a runtime threw.
 *
 * @param action What was being done, such as `connect to 10.0.0.7:6000`.
 */
export function toNetError(cause: unknown, action: string): NetError {
  if (cause instanceof NetError) return cause;
  const native = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const code = CODES[native] ?? "unknown";
  const detail = code === "unknown" && cause instanceof Error ? cause.message : code;
  return new NetError(code, `Cannot ${action}: ${detail}`, { cause });
}
