import { isOwnOrigin } from "../server/mod.ts";
import { FailureLimit } from "./failure_limit.ts";
import { Refusal } from "./refusal.ts";
import type { AdminToken } from "./token.ts";

/** Who asks: `operator` may do anything, `stranger` may only ask whether the role is healthy. */
export type Caller = "operator" | "stranger";

/** Methods that change nothing. */
const READING = ["GET", "HEAD"];

/** Decides who may ask for what. */
export class Guard {
  readonly #token: AdminToken | undefined;
  readonly #failures = new FailureLimit();

  /** @param token What a request has to show. Absent: everybody who reaches the server is an operator. */
  constructor(token: AdminToken | undefined) {
    this.#token = token;
  }

  /**
   * Tells who asks.
   *
   * A request must name an address literal or `localhost` as its host, so that no name that somebody else controls leads a browser
   * here.
   *
   * @throws {Refusal} 421 for another host, 401 for a wrong token, 429 after too many of them from one address.
   */
  admit(request: Request, url: URL, client: string): Caller {
    if (!isOwnHost(url.hostname)) {
      const found = JSON.stringify(url.hostname);
      throw new Refusal(`the Host must be an address or localhost, received ${found}`, { status: 421 });
    }
    if (!this.#token) return "operator";
    const shown = request.headers.get("authorization");
    if (shown === null) return "stranger";
    const waitMs = this.#failures.waitMs(client);
    if (waitMs > 0) {
      const headers = { "retry-after": String(Math.ceil(waitMs / 1000)) };
      throw new Refusal("too many wrong tokens from this address; try again later", { status: 429, headers });
    }
    const [, text] = /^bearer +(\S+) *$/i.exec(shown) ?? [];
    if (text !== undefined && this.#token.matches(text)) return "operator";
    this.#failures.failed(client);
    throw unauthorized("the token is wrong");
  }
}

/** A request that has to show a token and has shown none that counts. */
export function unauthorized(reason: string): Refusal {
  const words = "send the token as `Authorization: Bearer TOKEN`";
  return new Refusal(`${reason}; ${words}`, {
    status: 401,
    headers: { "www-authenticate": 'Bearer realm="chorus"' },
  });
}

/**
 * Refuses what a page of somebody else's could make a browser send.
 *
 * A browser names the page in `Origin` and its relation in `Sec-Fetch-Site`; older ones at least ask first before they send JSON, or
 * DELETE, to another site, and are never told that they may. So a POST or PATCH must be JSON, and a DELETE, which cannot be sent
 * without asking, needs no content type.
 *
 * @throws {Refusal} 403 for another site's page, 415 for another content type.
 */
export function checkChange(request: Request, url: URL): void {
  if (READING.includes(request.method)) return;
  checkSite(request, url, "a change");
  if (request.method === "DELETE") return;
  const type = request.headers.get("content-type") ?? "";
  if (!/^application\/json *(?:;|$)/i.test(type.trim())) {
    const found = type === "" ? "none" : JSON.stringify(type.slice(0, 100));
    throw new Refusal(`a change needs content-type: application/json, received ${found}`, { status: 415 });
  }
}

/**
 * Refuses what a page of another site asks for.
 *
 * @param what Such as `a change`.
 * @throws {Refusal} 403.
 */
export function checkSite(request: Request, url: URL, what: string): void {
  const origin = request.headers.get("origin");
  const site = request.headers.get("sec-fetch-site") ?? "none";
  if ((origin !== null && !isOwnOrigin(origin, url.host)) || (site !== "none" && site !== "same-origin")) {
    throw new Refusal(`${what} that another site's page asks for is refused`, { status: 403 });
  }
}

/** An IPv4 or IPv6 literal, or localhost. */
function isOwnHost(hostname: string): boolean {
  return hostname === "localhost" || /^\d{1,3}(?:\.\d{1,3}){3}$/.test(hostname) || hostname.startsWith("[");
}
