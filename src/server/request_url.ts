/** A name or an address, with or without a port. */
const HOST = /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d*)?$/i;

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
