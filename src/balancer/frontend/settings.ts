import type { AddressList, TlsServerContext } from "../../net/mod.ts";
import { type AccessSettings, checkAccess } from "./access.ts";

/** What can be changed of a frontend while it runs. New clients get what holds when they come; those who are served keep theirs. */
export interface FrontendSettings {
  /** Who may come. With `proxyProtocol` this is about the address that the header tells; the sender's is to be `trusted`. */
  readonly access?: AccessSettings | undefined;
  /** Ends TLS here. Without it, TLS passes through unread. Cannot be switched on while the frontend runs. */
  readonly tls?: TlsServerContext | undefined;
  /**
   * Every client has to come with a PROXY header, of version 1 or 2, from one of these addresses or through a unix socket.
   *
   * @default {no header is read}
   */
  readonly proxyProtocol?: { readonly trusted: AddressList } | undefined;
  /** How long it waits. */
  readonly timeouts?: TimeoutSettings | undefined;
}

/** How long a client may take for what, in milliseconds. */
export interface TimeoutSettings {
  /** Nothing passes in either direction. @default {3600000} an hour */
  readonly idleMs?: number | undefined;
  /** The same once one side has ended. @default {30000} */
  readonly halfCloseMs?: number | undefined;
  /** Its TLS handshake, where TLS ends here. @default {10000} */
  readonly handshakeMs?: number | undefined;
  /** Its PROXY header, where one is asked for, and again its first bytes, where the pool looks for a key in them. @default {3000} */
  readonly prereadMs?: number | undefined;
}

/** Refuses numbers that are none. @throws {RangeError} with a sentence that says which. */
export function checkSettings(action: string, { access, timeouts = {} }: FrontendSettings): void {
  checkAccess(action, access);
  const { idleMs, halfCloseMs, handshakeMs, prereadMs } = timeouts;
  for (const [name, ms] of Object.entries({ idleMs, halfCloseMs, handshakeMs, prereadMs })) {
    if (ms !== undefined && !(ms > 0))
      throw new RangeError(`Cannot ${action}: ${name} must be positive, received ${ms}`);
  }
}
