import type { Caller } from "./guard.ts";
import { listOf, Refusal } from "./refusal.ts";

/** The methods that routes take. HEAD goes with GET. */
export type Method = "GET" | "POST" | "PATCH" | "DELETE";

/** A request whose route was found. */
export interface Asked {
  readonly caller: Caller;
  /** What stands in the path for the names of the route, decoded, in order. */
  readonly names: readonly string[];
  readonly query: URLSearchParams;
  /** Reads the body. @throws {Refusal} */
  body(): Promise<unknown>;
}

/** One thing that can be asked for. */
export interface Route {
  readonly method: Method;
  /** Such as `/api/pools/POOL`: a part in capitals stands for any name. */
  readonly path: string;
  /** Whether those who show no token may ask, too. @default {false} */
  readonly isOpen?: boolean;
  /** Whether its answer goes on: a page of another site may not ask for it, though it changes nothing. @default {false} */
  readonly isLasting?: boolean;
  /** @throws {Refusal} */
  answer(asked: Asked): Response | Promise<Response>;
}

/** A route and the names that were in its place. */
export interface Match {
  readonly route: Route;
  readonly names: readonly string[];
}

/**
 * Finds the route of a request.
 *
 * @throws {Refusal} 404 that lists what there is, 405 that lists the methods, 400 for a name that is not encoded as it should be.
 */
export function findRoute(routes: readonly Route[], method: string, pathname: string): Match {
  const wanted = method === "HEAD" ? "GET" : method;
  const methods = new Set<string>();
  for (const route of routes) {
    const names = match(route.path, pathname);
    if (!names) continue;
    if (route.method === wanted) return { route, names: names.map(decode) };
    methods.add(route.method);
  }
  if (methods.size === 0) {
    const paths = [...new Set(routes.map(({ path }) => path))];
    throw new Refusal(`there is no ${pathname.slice(0, 200)}; there are ${listOf(paths)}`, { status: 404 });
  }
  const allowed = [...methods].flatMap((name) => (name === "GET" ? ["GET", "HEAD"] : [name]));
  throw new Refusal(`${pathname.slice(0, 200)} takes ${listOf([...methods])}, received ${method}`, {
    status: 405,
    headers: { allow: allowed.join(", ") },
  });
}

function match(template: string, pathname: string): readonly string[] | undefined {
  const wanted = template.split("/");
  const found = pathname.split("/");
  if (wanted.length !== found.length) return undefined;
  const names: string[] = [];
  for (const [index, part] of wanted.entries()) {
    const given = found[index] ?? "";
    if (/^[A-Z]+$/.test(part) && given !== "") names.push(given);
    else if (part !== given) return undefined;
  }
  return names;
}

function decode(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch (cause) {
    throw new Refusal(`"${name}" is not percent-encoded UTF-8`, { status: 400, cause });
  }
}
