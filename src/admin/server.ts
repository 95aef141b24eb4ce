import type { Address } from "../net/mod.ts";
import { toNetError } from "../net/mod.ts";

/** What `GET /health` says. */
export interface HealthReport {
  /** Whether the program can do what it is for. */
  readonly healthy: boolean;
  /** What it is: `up`, `balance`, `chat`. */
  readonly role: string;
  /** More, each under its name, such as `connections`. */
  readonly [detail: string]: unknown;
}

/** Options for {@linkcode startAdmin}: where to listen and what to show. The functions are called at each request. */
export interface AdminOptions {
  /** A loopback address: there is no token yet that could protect another one. */
  readonly listen: { readonly host: string; readonly port: number };
  health(): HealthReport;
  /** What `GET /api/pools` lists. */
  pools(): readonly object[];
}

/** A running admin server. */
export interface AdminServer extends AsyncDisposable {
  readonly address: Address;
  close(): Promise<void>;
}

/**
 * Starts the HTTP server for operators: `GET /health` (200, or 503 when not healthy) and `GET /api/pools`, as JSON.
 *
 * A request must name an address literal or `localhost` as its host, so that no name that somebody else controls leads here.
 *
 * @throws {NetError} `in_use` and the like.
 */
export async function startAdmin(options: AdminOptions): Promise<AdminServer> {
  const { host, port } = options.listen;
  const { serve } = await import("srvx");
  try {
    const server = serve({
      hostname: host,
      port,
      silent: true,
      gracefulShutdown: false,
      fetch: (request) => answer(request, options),
      error: () => Response.json({ error: "internal" }, { status: 500 }),
    });
    await server.ready();
    const close = (): Promise<void> => Promise.resolve(server.close(true));
    const address = { host, port: Number(new URL(server.url ?? "").port || 80) };
    return { address, close, [Symbol.asyncDispose]: close };
  } catch (error) {
    throw toNetError(error, `listen on ${host}:${port} for --admin`);
  }
}

function answer(request: Request, options: AdminOptions): Response {
  const { pathname, hostname } = new URL(request.url);
  if (!isOwnHost(hostname)) {
    return problem(421, `the Host must be an address or localhost, received ${JSON.stringify(hostname)}`);
  }
  if (pathname !== "/health" && pathname !== "/api/pools") {
    return problem(404, `there is no ${pathname}; there are /health and /api/pools`);
  }
  if (request.method !== "GET" && request.method !== "HEAD") {
    return problem(405, `${pathname} takes GET, received ${request.method}`, { allow: "GET, HEAD" });
  }
  if (pathname === "/api/pools") return Response.json({ pools: options.pools() });
  const health = options.health();
  return Response.json(health, { status: health.healthy ? 200 : 503 });
}

/** An IPv4 or IPv6 literal, or localhost. */
function isOwnHost(hostname: string): boolean {
  return hostname === "localhost" || /^\d{1,3}(?:\.\d{1,3}){3}$/.test(hostname) || hostname.startsWith("[");
}

function problem(status: number, error: string, headers: Readonly<Record<string, string>> = {}): Response {
  return Response.json({ error }, { status, headers });
}
