import { type Clock, DeadlineError, systemClock, withDeadline } from "../async/mod.ts";
import type { Address, TcpAddress } from "../net/mod.ts";
import { isLoopback, NetError, toNetError } from "../net/mod.ts";
import { type PageFile, requestUrl } from "../server/mod.ts";
import { eventsAnswer, failureAnswer, refusalAnswer } from "./answer.ts";
import { readJson } from "./body.ts";
import type { Control } from "./contract.ts";
import { Feed } from "./feed.ts";
import { checkChange, checkSite, Guard, unauthorized } from "./guard.ts";
import type { ProcessUsage } from "./metric_contract.ts";
import { Refusal } from "./refusal.ts";
import { findRoute, type Route } from "./route.ts";
import { routesOf } from "./routes.ts";
import type { AdminToken } from "./token.ts";

/** How long answers that go on may take to end with the server, and the server after them, in milliseconds. */
const CLOSE_MS = 500;

/** Options for {@linkcode startAdmin}: where to listen and what to show. */
export interface AdminOptions {
  /** Anything but a loopback address needs a `token`. */
  readonly listen: TcpAddress;
  /** What is shown and changed. */
  readonly control: Control;
  /** What every request has to show but `GET /health`, which without it tells only whether the role is healthy. @default {no token} */
  readonly token?: AdminToken | undefined;
  /** What the process uses, for `/metrics`. @default {left out} */
  readonly usage?: () => ProcessUsage;
  /** The source of time. @default {systemClock} */
  readonly clock?: Clock;
  /** Told of what happens. @default {ignored} */
  readonly handler?: AdminHandler;
}

/** What whoever runs the server may want to log. Must not throw. */
export interface AdminHandler {
  /** A change was asked for, by whom it may be, and answered. */
  changed?(change: AdminChange): void;
  /** A request failed by a fault within; it was answered by 500. */
  error?(error: unknown, context: { readonly during: string }): void;
}

/** A change that somebody asked for. */
export interface AdminChange {
  /** The address it came from, without its port. */
  readonly client: string;
  /** Such as `PATCH /api/pools/default/backends/10.0.0.7:6000`. */
  readonly request: string;
  /** What was answered: from 200 to 299 when it was done. */
  readonly status: number;
}

/** A running admin server. */
export interface AdminServer extends AsyncDisposable {
  /** Where it listens, with the real port. */
  readonly address: Address;
  /** Ends it, with its connections. Idempotent. */
  close(): Promise<void>;
}

/**
 * Starts the HTTP server for operators: health, metrics and control, as `docs/admin.md` lists them.
 *
 * - A request must name an address literal or `localhost` as its host, so that no name that somebody else controls leads here.
 * - With a token, a request without it is 401; after 10 wrong ones an address has to wait (429).
 * - A change that a page of another site makes a browser send is 403.
 * - A body has at most 64 KiB and comes within 10 s.
 *
 * @example Health and metrics of a game server
 * ```ts
 * import assert from "node:assert/strict";
 * import { formatAddress, startAdmin } from "chorus";
 *
 * const samples = [{ labels: {}, value: 12 }];
 * const control = {
 *   health: () => ({ healthy: true, role: "games" }),
 *   metrics: () => [{ name: "games_players", help: "Players now.", type: "gauge" as const, samples }],
 * };
 * await using admin = await startAdmin({ listen: { host: "127.0.0.1", port: 0 }, control });
 * const answer = await fetch(`http://${formatAddress(admin.address)}/metrics`);
 * assert.match(await answer.text(), /^games_players 12$/m);
 * ```
 *
 * @throws {RangeError} when it is to listen beyond loopback without a token.
 * @throws {NetError} `in_use` and the like.
 */
export async function startAdmin(options: AdminOptions): Promise<AdminServer> {
  const { host, port } = options.listen;
  if (!options.token && !isLoopback(host)) {
    throw new RangeError(`Cannot start admin server: without a token only on loopback, received ${host}`);
  }
  const service = new Service(options);
  const { serve } = await import("srvx");
  try {
    const server = serve({
      hostname: host,
      port,
      silent: true,
      gracefulShutdown: false,
      fetch: (request) => service.answer(request, request.ip ?? "unknown"),
      error: (error) => service.failed(error, "answer"),
    });
    await server.ready();
    let closing: Promise<void> | undefined;
    const close = (): Promise<void> => {
      closing ??= end(async (isAtOnce) => server.close(isAtOnce), service.feed);
      return closing;
    };
    const address = { host, port: Number(new URL(server.url ?? "").port || 80) };
    return { address, close, [Symbol.asyncDispose]: close };
  } catch (error) {
    if (error instanceof NetError) throw error;
    throw toNetError(error, `listen on ${host}:${port} for --admin`);
  }
}

/**
 * Ends a server and those who follow, who first, since on Deno it does not close while an answer goes on: they get what was
 * written, for a while. One who does not read would be waited for, on Deno for ever.
 */
async function end(closeServer: (isAtOnce: boolean) => Promise<void>, feed: Feed): Promise<void> {
  const hadFollowers = feed.followers > 0;
  feed.close();
  if (hadFollowers) await waitShortly(closeServer(false));
  await waitShortly(closeServer(true));
}

async function waitShortly(closing: Promise<void>): Promise<void> {
  await withDeadline(closing, CLOSE_MS, "close the admin server").catch((error) => {
    if (!(error instanceof DeadlineError)) throw error;
  });
}

/** Answers requests, one by one. */
class Service {
  readonly #routes: readonly Route[];
  readonly #guard: Guard;
  readonly #handler: AdminHandler;
  readonly feed: Feed;
  /** Of the dashboard, by their paths. */
  #pageFiles: ReadonlyMap<string, PageFile> | undefined;

  constructor({ control, token, usage, handler = {}, clock = systemClock }: AdminOptions) {
    const onError = (error: unknown): void => handler.error?.(error, { during: "GET /api/events" });
    this.feed = new Feed({ control, clock, onError });
    this.#routes = [
      ...routesOf(control, () => usage?.()),
      {
        method: "GET",
        path: "/api/events",
        isLasting: true,
        answer: () => eventsAnswer(this.feed.follow()),
      },
    ];
    this.#guard = new Guard(token);
    this.#handler = handler;
  }

  async answer(request: Request, client: string): Promise<Response> {
    const url = requestUrl(request);
    if (!url) return refusalAnswer(new Refusal("the Host or the target is malformed", { status: 400 }));
    const response = await this.#answered(request, url, client);
    if (request.method !== "GET" && request.method !== "HEAD") {
      const asked = `${request.method} ${url.pathname}${url.search}`.slice(0, 500);
      this.#handler.changed?.({ client, request: asked, status: response.status });
    }
    return response;
  }

  /** Tells of a fault within. */
  failed(error: unknown, during: string): Response {
    this.#handler.error?.(error, { during });
    return failureAnswer();
  }

  async #answered(request: Request, url: URL, client: string): Promise<Response> {
    try {
      return await this.#serve(request, url, client);
    } catch (error) {
      if (error instanceof Refusal) return refusalAnswer(error);
      return this.failed(error, `${request.method} ${url.pathname}`);
    }
  }

  async #serve(request: Request, url: URL, client: string): Promise<Response> {
    const caller = this.#guard.admit(request, url, client);
    if (url.pathname === "/" || url.pathname.startsWith("/page/"))
      return await this.#page(request, url.pathname);
    const isOpen =
      caller === "operator" || this.#routes.some((route) => route.isOpen && route.path === url.pathname);
    // Before the route is looked for: a stranger does not learn what there is.
    if (!isOpen) throw unauthorized("this needs the token");
    const { route, names } = findRoute(this.#routes, request.method, url.pathname);
    if (route.isLasting) checkSite(request, url, "what goes on");
    checkChange(request, url);
    if (route.isLasting && request.method === "HEAD") return eventsAnswer(null);
    return await route.answer({ caller, names, query: url.searchParams, body: () => readJson(request) });
  }

  /** What the page is made of tells nothing of what runs, so that everybody may have it: it asks for the token itself. */
  async #page(request: Request, pathname: string): Promise<Response> {
    if (request.method !== "GET" && request.method !== "HEAD") {
      const headers = { allow: "GET, HEAD" };
      throw new Refusal(`${pathname.slice(0, 200)} takes GET, received ${request.method}`, {
        status: 405,
        headers,
      });
    }
    // Once, when it is first asked for: most who start a role never look at it.
    const { pageAnswer, readPageFiles } = await import("./page_files.ts");
    this.#pageFiles ??= readPageFiles();
    const file = this.#pageFiles.get(pathname);
    if (!file) throw new Refusal(`there is no ${pathname.slice(0, 200)}`, { status: 404 });
    return pageAnswer(file, request);
  }
}
