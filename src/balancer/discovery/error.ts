import { MAX_BACKENDS } from "../pool/pool_options.ts";

/**
 * What went wrong in discovery.
 *
 * `invalid` a source says what no backend can be · `empty` it names nobody, which removes nobody · `unreadable` it cannot be read ·
 * `full` it names more than a pool takes · `loop` clients would come back to the balancer that they came from.
 */
export type DiscoveryErrorCode = "invalid" | "empty" | "unreadable" | "full" | "loop";

/** A source cannot be used, or not as it is. `code` tells why. */
export class DiscoveryError extends Error {
  override readonly name = "DiscoveryError";
  readonly code: DiscoveryErrorCode;

  constructor(code: DiscoveryErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** What is said of a source that names more than a pool takes. */
export function tooManyError(source: string): DiscoveryError {
  const message = `Cannot add backend: ${source} names more than the ${MAX_BACKENDS} that a pool takes`;
  return new DiscoveryError("full", message);
}

/** Told what could not be used; what is served stays as it is. Must not throw. */
export type DiscoveryReport = (error: unknown, context: { readonly during: string }) => void;
