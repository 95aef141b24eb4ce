import { RedisError } from "./contract.ts";

/** The address of a Redis without its password, for people to read. */
export function showUrl(url: string): string {
  const at = url.lastIndexOf("@");
  if (at === -1) return url;
  const start = url.indexOf("://") === -1 ? 0 : url.indexOf("://") + 3;
  const [user = ""] = url.slice(start, at).split(":");
  return url.slice(0, start) + (user === "" ? "" : `${user}@`) + url.slice(at + 1);
}

/**
 * Checks an address as far as can be told without asking Redis.
 *
 * @throws {RedisError} `bad_url`.
 */
export function checkUrl(url: string): void {
  if (/^unix:\/\/([^/]*@)?\/./.test(url)) return;
  if (/^rediss?:\/\//.test(url) && URL.parse(url)?.hostname) return;
  throw new RedisError(
    "bad_url",
    `Cannot connect to Redis: "${showUrl(url)}" is not its address; write redis://HOST:PORT, rediss://HOST:PORT or unix:///PATH`,
  );
}
