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
  const url = URL.parse(origin);
  if (!url || (url.protocol !== "http:" && url.protocol !== "https:")) return false;
  if (allowed.length > 0) return allowed.includes(url.origin);
  // The scheme's own port is left out of both.
  return host !== null && url.host === URL.parse(`${url.protocol}//${host}`)?.host;
}
