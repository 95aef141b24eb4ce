import { jsonAnswer, textAnswer } from "./answer.ts";
import type { Control, Outcome, Soon } from "./contract.ts";
import {
  expectNothing,
  toAnnouncement,
  toBackendPatch,
  toConnectionQuery,
  toDrainOptions,
  toFrontendPatch,
  toNewBackend,
  toSessionQuery,
  toSessionsEnd,
  toTakingPatch,
} from "./input.ts";
import type { MetricFamily, ProcessUsage } from "./metric_contract.ts";
import { expose, usageFamilies } from "./metrics.ts";
import { listOf, Refusal } from "./refusal.ts";
import type { Asked, Method, Route } from "./route.ts";

/** What a route may need of a control. */
type Ability = Exclude<keyof Control, "health">;

/** A control that has one of the methods that may be absent. */
type Able<A extends Ability> = Control & Required<Pick<Control, A>>;

/** Gives the route where the control can serve it. */
type Offer = (control: Control) => Route | undefined;

const OFFERS: readonly Offer[] = [
  offer("pools", "GET", "/api/pools", async (control) => jsonAnswer({ pools: await control.pools() })),
  offer("pools", "GET", "/api/pools/POOL", async (control, { names: [pool = ""] }) =>
    jsonAnswer(
      (await control.pools()).find(({ name }) => name === pool) ?? (await missingPool(control, pool)),
    ),
  ),
  offer("changePool", "PATCH", "/api/pools/POOL", async (control, { names: [pool = ""], body, query }) => {
    const outcome = control.changePool(pool, toTakingPatch(await body(), query));
    return done(outcome, () => missingPool(control, pool));
  }),
  offer("addBackend", "POST", "/api/pools/POOL/backends", async (control, { names: [pool = ""], body }) => {
    const outcome = control.addBackend(pool, toNewBackend(await body()));
    return done(outcome, () => missingPool(control, pool), 201);
  }),
  offer("changeBackend", "PATCH", "/api/pools/POOL/backends/BACKEND", async (control, asked) => {
    const [pool = "", backend = ""] = asked.names;
    const outcome = control.changeBackend(pool, backend, toBackendPatch(await asked.body(), asked.query));
    return done(outcome, () => missingBackend(control, pool, backend));
  }),
  offer("removeBackend", "DELETE", "/api/pools/POOL/backends/BACKEND", (control, { names, query }) => {
    const [pool = "", backend = ""] = names;
    const outcome = control.removeBackend(pool, backend, toDrainOptions(query));
    return done(outcome, () => missingBackend(control, pool, backend));
  }),
  offer("frontends", "GET", "/api/frontends", async (control) =>
    jsonAnswer({ frontends: await control.frontends() }),
  ),
  offer("changeFrontend", "PATCH", "/api/frontends/FRONTEND", async (control, { names, body, query }) => {
    const [frontend = ""] = names;
    const outcome = control.changeFrontend(frontend, toFrontendPatch(await body(), query));
    const known = (await control.frontends?.()) ?? [];
    return done(outcome, () => missing("frontend", frontend, known));
  }),
  offer("connections", "GET", "/api/connections", async (control, { query }) => {
    const { filter, limit } = toConnectionQuery(query);
    const found = await control.connections(filter, limit + 1);
    return jsonAnswer({ connections: found.slice(0, limit), more: found.length > limit });
  }),
  offer("closeConnection", "DELETE", "/api/connections/CONNECTION", async (control, { names: [id = ""] }) =>
    done(await control.closeConnection(id), () => {
      throw new Refusal(`there is no connection ${named(id)}; it may be over`, { status: 404 });
    }),
  ),
  offer("sessions", "GET", "/api/sessions", async (control, { query }) => {
    const { filter, limit } = toSessionQuery(query);
    const found = await control.sessions(filter, limit + 1);
    return jsonAnswer({ sessions: found.slice(0, limit), more: found.length > limit });
  }),
  offer("closeUserSessions", "DELETE", "/api/sessions", async (control, { query }) => {
    const { user, revoke } = toSessionsEnd(query);
    return done(await control.closeUserSessions(user, { revoke }), () => {
      throw new Refusal(`there is no user ${named(user)}`, { status: 404 });
    });
  }),
  offer("closeSession", "DELETE", "/api/sessions/SESSION", async (control, { names: [id = ""] }) =>
    done(await control.closeSession(id), () => {
      throw new Refusal(`there is no session ${named(id)}; it may be over`, { status: 404 });
    }),
  ),
  offer("announce", "POST", "/api/announce", async (control, { body }) =>
    done(await control.announce(toAnnouncement(await body())), () => {
      throw new Refusal("there is nobody to tell", { status: 404 });
    }),
  ),
  offer("changeServer", "PATCH", "/api/server", async (control, { body, query }) =>
    done(await control.changeServer(toTakingPatch(await body(), query)), () => {
      throw new Refusal("there is no server", { status: 404 });
    }),
  ),
  offer("drains", "GET", "/api/drains", async (control) => jsonAnswer({ drains: await control.drains() })),
  offer("reload", "POST", "/api/reload", async (control, { body }) => {
    expectNothing(await body());
    return done(await control.reload(), () => {
      throw new Refusal("there is nothing to read again", { status: 404 });
    });
  }),
];

/** Every route that a control can serve. `/health` is open to everybody, the rest to operators. */
export function routesOf(control: Control, usage: () => ProcessUsage | undefined): readonly Route[] {
  const metrics = async (): Promise<Response> => {
    const used = usage();
    const families: MetricFamily[] = [
      ...((await control.metrics?.()) ?? []),
      ...(used ? usageFamilies(used) : []),
    ];
    const { text, contentType } = await expose(families);
    return textAnswer(text, contentType);
  };
  return [
    { method: "GET", path: "/health", isOpen: true, answer: (asked) => health(control, asked) },
    { method: "GET", path: "/metrics", answer: metrics },
    ...OFFERS.map((make) => make(control)).filter((route) => route !== undefined),
  ];
}

function offer<A extends Ability>(
  needed: A,
  method: Method,
  path: string,
  answer: (control: Able<A>, asked: Asked) => Response | Promise<Response>,
): Offer {
  return (control) =>
    isAble(control, needed) ? { method, path, answer: (asked) => answer(control, asked) } : undefined;
}

function isAble<A extends Ability>(control: Control, needed: A): control is Able<A> {
  return control[needed] !== undefined;
}

function health(control: Control, { caller }: Asked): Response {
  const report = control.health();
  const shown = caller === "operator" ? report : { healthy: report.healthy };
  return jsonAnswer(shown, report.healthy ? 200 : 503);
}

/** The answer to a change. @throws {Refusal} Where it was not done; `notFound` says what there is. */
function done(outcome: Outcome, notFound: () => Soon<never>, status = 200): Soon<Response> {
  if (outcome.ok) return jsonAnswer(outcome.value ?? {}, status);
  if (outcome.error === undefined) return notFound();
  const problems = "problems" in outcome ? outcome.problems : undefined;
  throw new Refusal(outcome.error, { status: outcome.status, ...(problems ? { problems } : {}) });
}

async function missingPool(control: Control, name: string): Promise<never> {
  return missing("pool", name, (await control.pools?.()) ?? []);
}

async function missingBackend(control: Control, pool: string, name: string): Promise<never> {
  const found = (await control.pools?.())?.find((known) => known.name === pool);
  return found ? missing(`backend of pool ${pool}`, name, found.backends) : await missingPool(control, pool);
}

function missing(kind: string, name: string, known: readonly { readonly name: string }[]): never {
  const names = listOf(known.map((one) => one.name));
  throw new Refusal(`there is no ${kind} ${named(name)}; there are: ${names}`, { status: 404 });
}

/** A name that a request gave, as a sentence may repeat it. */
function named(name: string): string {
  return JSON.stringify(name.slice(0, 200));
}
