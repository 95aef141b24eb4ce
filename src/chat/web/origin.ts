import { isOwnOrigin } from "../../server/mod.ts";

/** Where a page is from, and where it wants to connect, as a browser says them. */
export interface OriginClaim {
  /** The `Origin` of the request; absent where it is no browser that asks. */
  readonly origin: string | null;
  /** The `Host` of the request. */
  readonly host: string | null;
}

/**
 * Whether a page may open a WebSocket here.
 *
 * Browsers let any page connect anywhere and say in `Origin` whose it is. Without one it is a program, which could say what it likes.
 *
 * @param allowed Such as `https://chat.example.org`. Empty: the pages of the host that is asked, by whatever scheme it is reached.
 */
export function isAllowedOrigin({ origin, host }: OriginClaim, allowed: readonly string[]): boolean {
  if (origin === null) return true;
  if (allowed.length > 0) return allowed.includes(URL.parse(origin)?.origin ?? "");
  return host !== null && isOwnOrigin(origin, host);
}
