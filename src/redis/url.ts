import { RedisError } from "./contract.ts";

/** Where a Redis is, as its address says. */
export type RedisPlace =
  | {
      readonly kind: "one";
      readonly url: string;
      readonly database: number;
    }
  | {
      readonly kind: "sentinel";
      /** The whole address without its password. */
      readonly shownUrl: string;
      /** Sentinels, as `HOST:PORT`. */
      readonly seeds: readonly string[];
      /** What the sentinels call the master. */
      readonly name: string;
      readonly database: number;
      /** The address of a server or a sentinel at `HOST:PORT`. */
      urlOf(address: string, use: "server" | "sentinel" | "sentinel_with_password"): string;
    }
  | {
      readonly kind: "cluster";
      /** The whole address without its password. */
      readonly shownUrl: string;
      /** Nodes, as `HOST:PORT`. */
      readonly seeds: readonly string[];
      /** The address of the node at `HOST:PORT`. */
      urlOf(address: string): string;
    };

const FORMS = [
  "redis://HOST:PORT",
  "redis+sentinel://HOST:PORT,HOST:PORT/NAME",
  "redis+cluster://HOST:PORT,HOST:PORT",
  "rediss… for TLS",
  "or unix:///PATH",
];

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
  parseUrl(url);
}

/**
 * What channels begin with where keys begin with `prefix`. Publish/subscribe knows no databases, so each but the first one has channels of
 * its own.
 *
 * @throws {RedisError} `bad_url`.
 */
export function channelPrefix(url: string, prefix: string): string {
  const place = parseUrl(url);
  return place.kind === "cluster" || place.database === 0 ? prefix : `${prefix}db${place.database}:`;
}

/**
 * Takes an address apart.
 *
 * @throws {RedisError} `bad_url`.
 */
export function parseUrl(url: string): RedisPlace {
  const many = /^redis(s?)\+(sentinel|cluster):\/\/(?:(.*)@)?([^/]*)(\/.*)?$/.exec(url);
  if (!many) {
    const isSocket = /^unix:\/\/([^/]*@)?\/./.test(url);
    if (isSocket || (/^rediss?:\/\//.test(url) && URL.parse(url)?.hostname))
      return { kind: "one", url, database: databaseOf(url) };
    throw badUrl(url, `write ${FORMS.join(", ")}`);
  }
  const [, secure = "", kind, credentials, hosts = "", path = ""] = many;
  const login = credentials === undefined ? "" : `${credentials}@`;
  const urlOf = (address: string): string => `redis${secure}://${login}${address}`;
  if (kind === "cluster") {
    if (path !== "" && path !== "/")
      throw badUrl(url, "a Cluster has no databases: write nothing after its nodes");
    return { kind, shownUrl: showUrl(url), seeds: parseHosts(url, hosts, 6379, urlOf), urlOf };
  }
  const [, name, database = ""] = /^\/([\w.-]+)(\/\d+)?$/.exec(path) ?? [];
  if (name === undefined) throw badUrl(url, "after its sentinels write /NAME, what they call the master");
  return {
    kind: "sentinel",
    shownUrl: showUrl(url),
    seeds: parseHosts(url, hosts, 26_379, urlOf),
    name,
    database: Number(database.slice(1)),
    urlOf(address, use) {
      if (use === "sentinel") return `redis${secure}://${address}`;
      return urlOf(address) + (use === "server" ? database : "");
    },
  };
}

/** Which database of one server an address names. */
function databaseOf(url: string): number {
  if (url.startsWith("unix:")) return Number(/[?&]db=(\d+)/.exec(url)?.[1] ?? 0);
  return Number(URL.parse(url)?.pathname.slice(1)) || 0;
}

function parseHosts(
  url: string,
  hosts: string,
  defaultPort: number,
  urlOf: (address: string) => string,
): readonly string[] {
  return hosts.split(",").map((host) => {
    const parsed = URL.parse(urlOf(host));
    const isPlain = parsed?.hostname && parsed.pathname === "" && parsed.search === "" && parsed.hash === "";
    if (!isPlain) throw badUrl(url, `write HOST:PORT,HOST:PORT where it says "${host}"`);
    return `${parsed.hostname}:${parsed.port || defaultPort}`;
  });
}

function badUrl(url: string, advice: string): RedisError {
  return new RedisError(
    "bad_url",
    `Cannot connect to Redis: "${showUrl(url)}" is not its address; ${advice}`,
  );
}
