import type { Address } from "../net/mod.ts";
import type { MetricFamily } from "./metric_contract.ts";
import type { ServerView, SessionFilter, SessionsEnd, SessionView } from "./session_contract.ts";

/**
 * What a role hands to the admin server: plain data and functions. The server knows no product; whoever starts it writes these
 * shapes, and what they hold is shown as it is, as JSON, in the order of its keys.
 *
 * Every method may be absent where a role has nothing of the kind; its paths are then 404. All are called at each request, must not
 * wait (but for `reload`, and for what a role has to ask other processes, which waits a bounded time) and must not throw for anything that a request says: a wrong name or value is an {@linkcode Outcome}.
 */
export interface Control {
  /** What `GET /health` says. */
  health(): HealthReport;
  /** `GET /api/pools`. Names are unique. */
  pools?(): Soon<readonly PoolView[]>;
  /** `PATCH /api/pools/P`. */
  changePool?(pool: string, change: PoolPatch): Outcome;
  /** `POST /api/pools/P/backends`: the source of the new backend is `admin`. 409 where the name is taken. */
  addBackend?(pool: string, backend: NewBackend): Outcome;
  /** `PATCH /api/pools/P/backends/B`. */
  changeBackend?(pool: string, backend: string, change: BackendPatch): Outcome;
  /** `DELETE /api/pools/P/backends/B`: no new clients at once; what is left of its connections is closed by the deadline. */
  removeBackend?(pool: string, backend: string, options: DrainOptions): Outcome;
  /** `GET /api/frontends`. Names are unique. */
  frontends?(): Soon<readonly FrontendView[]>;
  /** `PATCH /api/frontends/F`. */
  changeFrontend?(frontend: string, change: FrontendPatch): Outcome;
  /** `GET /api/connections`: at most `limit` of those that the filter lets through, in any order. */
  connections?(filter: ConnectionFilter, limit: number): Soon<readonly ConnectionView[]>;
  /** `DELETE /api/connections/C`. */
  closeConnection?(id: string): Soon<Outcome>;
  /** `PATCH /api/server`: the role itself, where it is a server. */
  changeServer?(change: ServerPatch): Outcome | Promise<Outcome>;
  /** `GET /api/drains`: those under way. */
  drains?(): Soon<readonly DrainView[]>;
  /** `POST /api/reload`: reads the configuration again. 422 with `problems` when it is wrong; nothing has changed then. */
  reload?(): Promise<Outcome>;
  /** `GET /metrics`, beside those of the process. A name comes once. */
  metrics?(): Soon<Iterable<MetricFamily>>;
  /** `GET /api/sessions`: at most `limit` of those that the filter lets through, in any order. */
  sessions?(filter: SessionFilter, limit: number): Soon<readonly SessionView[]>;
  /** `DELETE /api/sessions/S`. */
  closeSession?(id: string): Soon<Outcome>;
  /** `DELETE /api/sessions?user=NAME`: those of a user, on whatever server. 404 where there is no such user. */
  closeUserSessions?(user: string, options: SessionsEnd): Soon<Outcome>;
  /** What the chat servers have counted, for those who follow `GET /api/events`. */
  servers?(): Soon<readonly ServerView[]>;
  /** `POST /api/announce`: tells every client of the cluster. */
  announce?(text: string): Soon<Outcome>;
}

/** What is here, or comes once other processes have answered. */
export type Soon<T> = T | Promise<T>;

/** What `GET /health` says. */
export interface HealthReport {
  /** Whether the program can do what it is for. */
  readonly healthy: boolean;
  /** What it is: `up`, `balance`, `chat`. */
  readonly role: string;
  /** More, each under its name, such as `connections`. Not shown to those who have to show a token and do not. */
  readonly [detail: string]: unknown;
}

/** What became of a change. */
export type Outcome =
  /** Done. `value` is the answer, such as the backend as it is now. */
  | { readonly ok: true; readonly value?: object }
  /** There is no such pool, backend, frontend or connection. Without `error` the server says what there is. */
  | { readonly ok: false; readonly status: 404; readonly error?: string }
  /**
   * 400: it means nothing. 409: it contradicts what is there. 422: a value that cannot be. 503: not now, since what it takes does not
   * answer. `error` is one sentence.
   */
  | {
      readonly ok: false;
      readonly status: 400 | 409 | 422 | 503;
      readonly error: string;
      readonly problems?: readonly InputProblem[];
    };

/** One thing that is wrong with what was sent. */
export interface InputProblem {
  /** The place, such as `weight` or `pools.chat.backends[2].weight`. */
  readonly where: string;
  /** What is there, as it would be written. */
  readonly found: string;
  /** What may be there, in words. */
  readonly allowed: string;
}

/** One pool of `/api/pools`. The keys after `backends` may be absent where the role does not know them. */
export interface PoolView {
  /** Unique among the pools. */
  readonly name: string;
  /** How a backend is picked, such as `least-connections`. */
  readonly policy: string;
  /** How clients get to their backends: `splice` or `hand-over`. */
  readonly dispatch: string;
  /** Its backends, in the order added. */
  readonly backends: readonly BackendView[];
  /** Whether it takes no new clients. */
  readonly draining?: boolean;
  /** Clients that wait for a place. */
  readonly queued?: number;
  /** Connections that its healthy backends may have, where all tell. */
  readonly capacity?: number | undefined;
}

/** One backend of `/api/pools`. The keys after `backup` may be absent where the role does not know them. */
export interface BackendView {
  /** Unique in its pool. */
  readonly name: string;
  /** What it is seen to be. */
  readonly state: ShownState;
  /** Heartbeats that it has not answered since the last answer. */
  readonly missed: number;
  /** Its share of new clients compared with others; with 0 it takes none. */
  readonly weight: number;
  /** Connections that it has now. */
  readonly connections: number;
  /** How often it was picked. */
  readonly total: number;
  /** Who named it, such as `config`, `registry` or `admin`. */
  readonly source: string;
  /** Whether it serves only when no other can. */
  readonly backup: boolean;
  /** Where it is, as `HOST:PORT`. */
  readonly address?: string;
  /** What the operator wants of it. */
  readonly admin?: WantedState;
  /** How long it has been in its state, in milliseconds. */
  readonly stateMs?: number;
  /** Answers in a row since it went down. */
  readonly risen?: number;
  /** Absent: no limit. */
  readonly maxConnections?: number | undefined;
  /** What it says of itself when it is probed. */
  readonly reported?: ReportedLoad | undefined;
  /** Why it was last not reached, in few words. */
  readonly lastError?: string | undefined;
  /** Clients that could not be connected to it. */
  readonly connectFailures?: number;
  /** Bytes from clients to it, those of live connections included. */
  readonly bytesIn?: number;
  /** Bytes from it to clients, those of live connections included. */
  readonly bytesOut?: number;
  /** When its state was last changed, in milliseconds since 1970. */
  readonly stateSince?: number;
  /** How its last heartbeats ended, the oldest first: `+` answered, `-` not in time. */
  readonly heartbeats?: string;
  /** How many clients were connected to it, and how long that took in all. */
  readonly connectTime?: { readonly count: number; readonly seconds: number };
}

/** What a backend says of itself. */
export interface ReportedLoad {
  /** Connections that it has. */
  readonly connections?: number | undefined;
  /** Connections that it can hold. */
  readonly capacity?: number | undefined;
  /** Whether it wants no new clients. */
  readonly draining?: boolean | undefined;
}

/** What a backend is seen to be. */
export type ShownState = "up" | "suspect" | "down" | "draining" | "disabled";

/** What the operator wants of a backend: `draining` and `disabled` take no new clients; the first one's are closed at a deadline. */
export type WantedState = "enabled" | "draining" | "disabled";

/** One frontend of `/api/frontends`. */
export interface FrontendView {
  /** Unique among the frontends. */
  readonly name: string;
  /** Where it listens, as `HOST:PORT`. */
  readonly address: string;
  /** `tcp`, `tls` or `udp`. */
  readonly protocol: string;
  /** The pool that serves its clients. */
  readonly pool: string;
  /** Whether it takes no new clients. */
  readonly draining: boolean;
  /** Clients that are served now. */
  readonly connections: number;
  /** Clients that were accepted. */
  readonly total: number;
  /** Clients that were not served, by reason. */
  readonly refused: Readonly<Record<string, number>>;
}

/** One client that is served, of `/api/connections`. */
export interface ConnectionView {
  /** Names it for `DELETE /api/connections/ID`. */
  readonly id: string;
  /** The pool that the backend is of. */
  readonly pool: string;
  /** Who serves it. */
  readonly backend: string;
  /** Where it came in. */
  readonly frontend: string;
  /** Where the client is, as `HOST:PORT`. */
  readonly client: string;
  /** `tcp`, `tls` or `udp`. */
  readonly transport: string;
  /** Since it is served, in milliseconds. */
  readonly ageMs: number;
  /** Since the last byte in either direction, in milliseconds. */
  readonly idleMs: number;
  /** Bytes from the client. */
  readonly bytesIn: number;
  /** Bytes to the client. */
  readonly bytesOut: number;
}

/** One drain that is under way, of `/api/drains`. */
export interface DrainView {
  /** What sort of thing drains. */
  readonly kind: "backend" | "pool" | "frontend" | "process" | "server";
  /** What drains. */
  readonly name: string;
  /** Its pool, where it is a backend. */
  readonly pool?: string | undefined;
  /** Connections when it began. */
  readonly total: number;
  /** Connections that are left. */
  readonly left: number;
  /** Until the last one is closed, in milliseconds. */
  readonly remainingMs: number;
}

/** How long a drain may take. */
export interface DrainOptions {
  /** The longest that it may take, in milliseconds. @default {whatever the role drains by} */
  readonly deadlineMs?: number;
}

/** A backend that is added at run time. */
export interface NewBackend {
  /** Where it is; its name as well. */
  readonly address: Address;
  /** 0 to 1,000,000. */
  readonly weight?: number;
  /** Whether it serves only when no other can. */
  readonly backup?: boolean;
  /** 1 or more. */
  readonly maxConnections?: number;
}

/** What changes of a backend; what is absent stays. The deadline is for `draining`. */
export interface BackendPatch extends DrainOptions {
  /** 0 to 1,000,000. */
  readonly weight?: number;
  /** What is wanted of it. */
  readonly state?: WantedState;
  /** 1 or more; `none` takes the limit away. */
  readonly maxConnections?: number | "none";
}

/** What changes of a pool. */
export interface PoolPatch extends DrainOptions {
  /** What is wanted of it. */
  readonly state: "enabled" | "draining";
}

/** What changes of a server: one that drains sends its clients elsewhere. */
export interface ServerPatch extends DrainOptions {
  /** What is wanted of it. */
  readonly state: "enabled" | "draining";
}

/** What changes of a frontend: one that has drained does not listen again until a reload or a restart. */
export interface FrontendPatch extends DrainOptions {
  /** What is wanted of it. */
  readonly state: "draining";
}

/** Which connections are asked for; what is absent excludes none. */
export interface ConnectionFilter {
  /** Those of this pool. */
  readonly pool?: string;
  /** Those of backends of this name. */
  readonly backend?: string;
  /** Those that came by this frontend. */
  readonly frontend?: string;
  /** Those that are at least as old, in milliseconds. */
  readonly minAgeMs?: number;
  /** Those where nothing has moved for as long, in milliseconds. */
  readonly minIdleMs?: number;
}
