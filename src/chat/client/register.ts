import type { Dial } from "./dial.ts";
import { Exchange } from "./exchange.ts";

/** Options for {@linkcode registerChat}. */
export interface RegisterOptions {
  /** How a server is reached: {@linkcode tcpDial} or {@linkcode webSocketDial}. */
  readonly dial: Dial;
  /** 1 to 32 of `a-z 0-9 . _ -`; upper case is taken and stored as lower case. */
  readonly name: string;
  /** 1 to 1,024 characters. */
  readonly password: string;
  /** The longest that it may take, in milliseconds. @default {15000} */
  readonly timeoutMs?: number | undefined;
}

/**
 * Makes an account, over a connection of its own. Logging in is {@linkcode connectChat}'s.
 *
 * @example An account, and a login with it
 * ```ts
 * import assert from "node:assert/strict";
 * import { connectChat, registerChat, systemDriver, tcpDial } from "chorus";
 *
 * const dial = tcpDial(systemDriver(), [{ host: "127.0.0.1", port: 7000 }]);
 * await registerChat({ dial, name: "Ada", password: "secret" });
 * await using client = await connectChat({ dial, credentials: { name: "ada", password: "secret" } });
 * assert.equal(client.user, "ada");
 * ```
 *
 * @throws {ChatError} `name_taken`, `bad_name`, `rate_limited`; `unavailable` when the connection was lost or took too long: then the account may
 *   be there.
 * @throws Whatever `dial` throws.
 */
export async function registerChat(options: RegisterOptions): Promise<void> {
  const { dial, name, password, timeoutMs = 15_000 } = options;
  const signal = AbortSignal.timeout(timeoutMs);
  const exchange = await Exchange.open(dial, { event: () => undefined, heard: () => undefined }, signal);
  // What was asked is `unavailable` once the connection is closed.
  const abandon = (): void => exchange.close();
  signal.addEventListener("abort", abandon, { once: true });
  try {
    await exchange.request({ type: "register", name, password });
  } finally {
    signal.removeEventListener("abort", abandon);
    exchange.close();
  }
}
