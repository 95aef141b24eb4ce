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

/** Told what could not be used; what is served stays as it is. Must not throw. */
export type DiscoveryReport = (error: unknown, context: { readonly during: string }) => void;
