/** A name or an address, with or without a port. */
const HOST = /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d*)?$/i;

/**
 * Whether a page is one of the host that is asked, by whatever scheme it is reached: before us may be who ends TLS.
 *
 * @param origin The `Origin` of a request. @param host Its `Host`.
 */
export function isOwnOrigin(origin: string, host: string): boolean {
  const page = URL.parse(origin);
  if (!page || (page.protocol !== "http:" && page.protocol !== "https:")) return false;
  // The scheme's own port is left out of both.
  return page.host === URL.parse(`${page.protocol}//${host}`)?.host;
}

/**
 * What a request asks for; undefined where its Host or its target is malformed.
 *
 * One that names no host, as in HTTP/1.0, asks the server that it came to: by its address or by `localhost`.
 */
export function requestUrl({ url, headers }: Request): URL | undefined {
  const host = headers.get("host") ?? "";
  // On Deno whatever is written there becomes a part of the URL.
  if (host !== "" && !HOST.test(host)) return undefined;
  // On Bun the URL of one that names no host is its path alone.
  const whole = host === "" && url.startsWith("/") ? `http://localhost${url}` : url;
  return URL.parse(whole) ?? undefined;
}
