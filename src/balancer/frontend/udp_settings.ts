import type { AddressList } from "../../net/mod.ts";
import { type AccessSettings, checkAccess } from "./access.ts";
import { maxClients } from "./descriptors.ts";

/** What can be changed of a UDP frontend while it runs. The sessions that there are keep their backends. */
export interface UdpSettings {
  /** Who may come, and how many sessions there may be at once, in all and from one address. */
  readonly access?: AccessSettings | undefined;
  /** How long nothing may pass in either direction before a session is over, in milliseconds. @default {60000} */
  readonly sessionTimeoutMs?: number | undefined;
  /**
   * Every session has to begin with a PROXY header, of version 1 or 2, in front of its first datagram, from one of these addresses. Later
   * datagrams may have one each: one socket may so send for many clients. One without belongs to the client whom the last header of its
   * sender named.
   *
   * @default {no header is read}
   */
  readonly proxyProtocolIn?: { readonly trusted: AddressList } | undefined;
  /**
   * Puts a PROXY header in front of every datagram to a backend: a line of text, where UDP is said to be TCP because version 1 has no
   * word for it, or version 2.
   *
   * @default {2 to those who announce that they read it, else none}
   */
  readonly proxyProtocolOut?: 1 | 2 | undefined;
  /**
   * Sessions at once. Each takes a descriptor, and a port of those that the system gives out.
   *
   * @default {as many as the process may have descriptors for, 20000 at most}
   */
  readonly maxSessions?: number | undefined;
}

/** How long a session may be idle unless told otherwise, in milliseconds. */
export const SESSION_TIMEOUT_MS = 60_000;

/** The most sessions unless told otherwise: Linux gives out 28,232 ports. */
const MAX_SESSIONS = 20_000;

/** The lists and limits that come of settings. */
export function accessOf({ access = {}, maxSessions }: UdpSettings): AccessSettings {
  // A stream takes two descriptors, a session one.
  const sessions = maxSessions ?? Math.min(MAX_SESSIONS, 2 * maxClients());
  return { ...access, maxConnections: Math.min(sessions, access.maxConnections ?? sessions) };
}

/** Refuses numbers that are none. @throws {RangeError} with a sentence that says which. */
export function checkUdpSettings(
  action: string,
  { access, sessionTimeoutMs = 1, maxSessions = 1 }: UdpSettings,
): void {
  checkAccess(action, access);
  if (!(sessionTimeoutMs > 0))
    throw new RangeError(`Cannot ${action}: sessionTimeoutMs must be positive, received ${sessionTimeoutMs}`);
  if (!(maxSessions >= 1))
    throw new RangeError(`Cannot ${action}: maxSessions must be at least 1, received ${maxSessions}`);
}
