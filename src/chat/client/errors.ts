import type { ErrorCode } from "../protocol.ts";

/**
 * A request was refused, or cannot be made any more.
 *
 * @example A name that is taken
 * ```ts
 * import assert from "node:assert/strict";
 * import { ChatError, registerChat, systemDriver, tcpDial } from "chorus";
 *
 * const dial = tcpDial(systemDriver(), [{ host: "127.0.0.1", port: 7000 }]);
 * const register = () => registerChat({ dial, name: "ada", password: "secret" });
 * await register();
 * const error = await register().catch((error: unknown) => error);
 * assert(error instanceof ChatError && error.code === "name_taken");
 * ```
 */
export class ChatError extends Error {
  /** Tells it from other errors. */
  override readonly name = "ChatError";
  /**
   * The server's code. `closed`: the client was closed before it left. `unknown`: it has left, and whether the server has it is not known, since the client was
   * closed or it had no answer for longer than ids are remembered.
   */
  readonly code: ErrorCode | "closed" | "unknown";
  /** For `rate_limited`: milliseconds after which to try again. */
  readonly retryMs: number | undefined;
  /** For a login that another one of its device has overtaken: the number of that. */
  readonly attempt: number | undefined;

  /** Says what the server said. @param retryMs How long the server asks to wait. */
  constructor(
    code: ChatError["code"],
    message: string,
    options: ErrorOptions & { retryMs?: number | undefined; attempt?: number | undefined } = {},
  ) {
    super(message, options);
    this.code = code;
    this.retryMs = options.retryMs;
    this.attempt = options.attempt;
  }
}

/** Whether a login failed for good: whatever another server is asked, it will say the same. */
export function isRefusal(error: unknown): error is ChatError {
  if (!(error instanceof ChatError)) return false;
  return error.code === "bad_credentials" || error.code === "bad_name" || error.code === "bad_frame";
}
