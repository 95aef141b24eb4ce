import type { Address } from "../../net/mod.ts";
import type { TableFilter } from "../connection/contract.ts";
import type { ConnectionView } from "../control/views.ts";
import type { EndReason, RefusalReason } from "../end_reason.ts";
import type { HistogramSnapshot } from "../histogram.ts";
import type { SeenBackend } from "../pool/backend.ts";

/** The topics between a balancer and its workers, beside those of every crew. */
export const WORKER_TOPICS = {
  /** To a worker: what is new of backends. */
  news: "news",
  /** To a worker: how many connections the others have. */
  counts: "counts",
  /** To a worker: a question, which it answers in its turn. */
  ask: "ask",
  /** From a worker: an answer. */
  answer: "answer",
  /** From a worker: what it has counted. */
  report: "report",
} as const;

/**
 * How often each side tells the other what has changed, in milliseconds: what one worker counts is known to all others after two of
 * these at most, and the way of two messages.
 */
export const TELL_EVERY_MS = 75;

/** What a worker is for. */
export interface WorkerOrders {
  /** Names it in logs and in the names of its connections; one that takes the place of another has a number of its own. */
  readonly number: number;
  readonly nodeId: string;
  /** How many workers there are. */
  readonly workers: number;
  /** Whether they share the descriptors of one process. */
  readonly areThreads: boolean;
  /** How long it goes on when its balancer is gone, in milliseconds. */
  readonly graceMs: number;
  readonly plan: Plan;
  readonly news: BackendNews;
  /** What the program that runs the worker wants to know: plain data. */
  readonly program: unknown;
}

/** What workers are to work by: a configuration as it was written, and what its names stand for. */
export interface Plan {
  readonly text: string;
  readonly file: string;
  /** The pools' numbers by name. */
  readonly pools: ReadonlyMap<string, number>;
  /** The frontends that workers serve, by name. */
  readonly frontends: ReadonlyMap<string, PlannedFrontend>;
}

/** A frontend that workers serve. */
export interface PlannedFrontend {
  readonly id: number;
  /** Where it listens, with its real port. */
  readonly listen: Address;
}

/** What is new of pools and their backends. Values as they are, so that hearing of them twice does no harm. */
export interface BackendNews {
  readonly pools: readonly { readonly id: number; readonly isDraining: boolean }[];
  readonly backends: readonly BackendNotice[];
  readonly removed: readonly number[];
}

/** One backend as the balancer has it, where it is probed. */
export interface BackendNotice {
  /** Its number: another one of its name has another one. */
  readonly id: number;
  readonly pool: number;
  readonly name: string;
  readonly address: Address;
  readonly seen: SeenBackend;
}

/** A number of something, and how many connections. */
export type Count = readonly [id: number, connections: number];

/** How many connections others have, where that has changed. */
export interface Counts {
  readonly backends: readonly Count[];
  readonly frontends: readonly Count[];
  /** Clients of all frontends. */
  readonly clients: number;
}

/** What a worker has counted since it began, where that has changed. */
export interface WorkerReport {
  readonly backends: readonly BackendReport[];
  readonly frontends: readonly FrontendReport[];
  /** Clients that wait for a place, by the pools' numbers. */
  readonly queued: readonly Count[];
  /** Told once in a while. */
  readonly usage?: WorkerUsage | undefined;
}

/** What a worker has counted of one backend. */
export interface BackendReport {
  readonly id: number;
  readonly active: number;
  readonly total: number;
  readonly failures: number;
  /** Why it was last not reached by a client. */
  readonly lastError: string | undefined;
  /** A client was connected after others had failed. */
  readonly isRelieved: boolean;
  /** Told once in a while, and when it is asked for. */
  readonly detail?: BackendDetail | undefined;
}

/** What takes more time to count and to send. */
export interface BackendDetail {
  /** Those of connections that live included. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly ended: Readonly<Record<EndReason, number>>;
  readonly connect: HistogramSnapshot;
  readonly session: HistogramSnapshot;
}

/** What a worker has counted of one frontend. */
export interface FrontendReport {
  readonly id: number;
  readonly connections: number;
  readonly total: number;
  readonly refused: Readonly<Record<RefusalReason, number>>;
}

/** What a worker uses. */
export interface WorkerUsage {
  readonly residentBytes: number;
  readonly cpuSeconds: number;
  readonly openSockets: number;
}

/** What a worker can be asked, and what it answers. */
export interface Questions {
  /** To work by another configuration. */
  readonly plan: { readonly ask: Plan; readonly answer: undefined };
  /** To tell now what it has counted. */
  readonly report: { readonly ask: undefined; readonly answer: undefined };
  readonly connections: {
    readonly ask: { readonly filter: TableFilter; readonly limit: number };
    readonly answer: readonly ConnectionView[];
  };
  /** To end the connection of a name. */
  readonly end: { readonly ask: string; readonly answer: boolean };
  /** To listen no more. */
  readonly drain_frontend: { readonly ask: { readonly frontend: number }; readonly answer: undefined };
  readonly end_frontend: {
    readonly ask: { readonly frontend: number; readonly withinMs: number };
    readonly answer: undefined;
  };
  readonly drain_backend: {
    readonly ask: { readonly backend: number; readonly withinMs: number };
    readonly answer: undefined;
  };
  readonly undrain_backend: { readonly ask: { readonly backend: number }; readonly answer: undefined };
  /** To close the connections of a backend that has left. */
  readonly dismiss_backend: {
    readonly ask: { readonly backend: number; readonly overMs: number };
    readonly answer: undefined;
  };
}

/** The names of the questions. */
export type QuestionName = keyof Questions;

/** A question on its way. */
export type Asked = {
  readonly [Name in QuestionName]: {
    readonly serial: number;
    readonly name: Name;
    readonly ask: Questions[Name]["ask"];
  };
}[QuestionName];
