import type { Address } from "../../net/mod.ts";
import type { TableEntry } from "../connection/contract.ts";
import { FrontendCounters } from "../counters.ts";
import type { RefusalReason } from "../end_reason.ts";
import { checkSettings, type FrontendSettings } from "../frontend/settings.ts";
import type { SpliceFrontend, SpliceFrontendOptions } from "../frontend/splice_frontend.ts";
import type { Pool } from "../pool/pool.ts";
import type { FrontendReport, QuestionName, Questions } from "./contract.ts";
import type { WorkerLink } from "./link.ts";

/** What a frontend asks of all workers. */
export interface Asking {
  askAll<Name extends QuestionName>(name: Name, ask: Questions[Name]["ask"]): Promise<void>;
}

/** A frontend that workers serve, as their balancer sees it: the sum of what each has of it. */
export class WorkedFrontend implements SpliceFrontend {
  readonly id: number;
  readonly name: string;
  readonly address: Address;
  readonly counters: FrontendCounters = new FrontendCounters();
  /** None is served here. */
  readonly served: ReadonlySet<TableEntry> = new Set();
  readonly endClients: (withinMs: number) => void;
  elsewhere = 0;
  pool: Pool;
  settings: FrontendSettings;
  readonly #workers: Asking;
  readonly #reports = new Map<WorkerLink, FrontendReport>();
  #connections = 0;
  #draining: Promise<void> | undefined;

  constructor(id: number, address: Address, options: SpliceFrontendOptions, workers: Asking) {
    const { name = "", pool, settings = {} } = options;
    checkSettings("start frontend", settings);
    this.id = id;
    this.name = name;
    this.address = address;
    this.pool = pool;
    this.settings = settings;
    this.#workers = workers;
    // Owned by the drain that it belongs to: nobody waits for the answer.
    this.endClients = (withinMs) => void workers.askAll("end_frontend", { frontend: id, withinMs });
  }

  get connections(): number {
    return this.#connections;
  }

  get isDraining(): boolean {
    return this.#draining !== undefined;
  }

  configure(settings: FrontendSettings): void {
    checkSettings("configure frontend", settings);
    this.settings = settings;
  }

  redirect(pool: Pool): void {
    this.pool = pool;
  }

  drain(): Promise<void> {
    this.#draining ??= this.#workers.askAll("drain_frontend", { frontend: this.id });
    return this.#draining;
  }

  /** Its clients are the workers' to end, when they stop or by {@linkcode endClients}. */
  close(): Promise<void> {
    return this.drain();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** A worker has told what it has. */
  take(link: WorkerLink, report: FrontendReport): void {
    const before = this.#reports.get(link);
    this.#reports.set(link, report);
    this.#connections += report.connections - (before?.connections ?? 0);
    this.counters.total += report.total - (before?.total ?? 0);
    for (const [reason, count] of Object.entries(report.refused) as [RefusalReason, number][])
      this.counters.refused[reason] += count - (before?.refused[reason] ?? 0);
  }

  /** How many a worker has. */
  connectionsOf(link: WorkerLink): number {
    return this.#reports.get(link)?.connections ?? 0;
  }

  /** A worker is gone, and its clients with it. @returns How many it had. */
  drop(link: WorkerLink): number {
    const lost = this.connectionsOf(link);
    this.#reports.delete(link);
    this.#connections -= lost;
    return lost;
  }
}
