import type { Lease } from "../pool/pool.ts";
import type { BackendDetail, BackendReport, Count, Counts, WorkerReport } from "./contract.ts";
import type { WorkerLink } from "./link.ts";
import type { Enrolled, Roster } from "./roster.ts";
import type { WorkedFrontend } from "./worked_frontend.ts";

/** What one worker has told. */
interface Told {
  readonly backends: Map<number, BackendReport>;
  queued: ReadonlyMap<number, number>;
}

/** Adds up what workers have counted, in the pools and frontends of their balancer. */
export class Ledger {
  readonly #roster: Roster;
  readonly #frontends: ReadonlyMap<number, WorkedFrontend>;
  readonly #told = new Map<WorkerLink, Told>();
  /** Connections of all workers, by the backends' numbers. */
  readonly #sums = new Map<number, number>();

  constructor(roster: Roster, frontends: ReadonlyMap<number, WorkedFrontend>) {
    this.#roster = roster;
    this.#frontends = frontends;
  }

  /** A worker has told what it has counted. */
  take(link: WorkerLink, { backends, frontends, queued }: WorkerReport): void {
    const told = this.#told.get(link) ?? { backends: new Map(), queued: new Map() };
    this.#told.set(link, told);
    told.queued = new Map(queued);
    for (const report of backends) this.#takeBackend(told, report);
    for (const report of frontends) this.#frontends.get(report.id)?.take(link, report);
    this.#sumQueues();
  }

  /** A worker is gone, and its connections with it; what it has counted stays. @returns How many clients it had. */
  drop(link: WorkerLink): number {
    const told = this.#told.get(link);
    this.#told.delete(link);
    for (const [id, { active }] of told?.backends ?? []) {
      this.#add(id, -active, 0);
      if (this.#roster.find(id)?.backend.active === 0) this.#roster.forget(id);
    }
    this.#sumQueues();
    return this.#frontends.values().reduce((lost, frontend) => lost + frontend.drop(link), 0);
  }

  /**
   * What a worker does not know yet of others' connections, and from now on knows; undefined when there is nothing.
   *
   * @param here Clients that no worker has.
   */
  takeCounts(link: WorkerLink, here: number = 0): Counts | undefined {
    const backends = this.#takeBackendCounts(link);
    const frontends: Count[] = [];
    let clients = here;
    for (const [id, frontend] of this.#frontends) {
      const elsewhere = frontend.connections - frontend.connectionsOf(link);
      clients += elsewhere;
      if ((link.toldFrontends.get(id) ?? 0) === elsewhere) continue;
      link.toldFrontends.set(id, elsewhere);
      frontends.push([id, elsewhere]);
    }
    if (backends.length + frontends.length === 0 && clients === link.toldClients) return undefined;
    link.toldClients = clients;
    return { backends, frontends, clients };
  }

  #takeBackendCounts(link: WorkerLink): Count[] {
    const told = this.#told.get(link);
    const backends: Count[] = [];
    for (const [id, sum] of this.#sums) {
      const backend = this.#roster.find(id)?.backend;
      if (!backend) {
        this.#sums.delete(id);
        link.toldBackends.delete(id);
        continue;
      }
      const here = backend.active - backend.elsewhere;
      const elsewhere = here + sum - (told?.backends.get(id)?.active ?? 0);
      if ((link.toldBackends.get(id) ?? 0) === elsewhere) continue;
      link.toldBackends.set(id, elsewhere);
      backends.push([id, elsewhere]);
    }
    return backends;
  }

  #takeBackend(told: Told, report: BackendReport): void {
    const before = told.backends.get(report.id);
    told.backends.set(report.id, { ...report, detail: report.detail ?? before?.detail });
    this.#add(report.id, report.active - (before?.active ?? 0), report.total - (before?.total ?? 0));
    const enrolled = this.#roster.find(report.id);
    if (!enrolled) return;
    judge(enrolled, report, report.failures - (before?.failures ?? 0));
    if (report.detail) addDetail(enrolled, report.detail, before?.detail);
    if (enrolled.backend.active === 0) this.#roster.forget(report.id);
  }

  #add(id: number, active: number, total: number): void {
    const sum = (this.#sums.get(id) ?? 0) + active;
    const enrolled = this.#roster.find(id);
    if (enrolled) this.#sums.set(id, sum);
    else this.#sums.delete(id);
    enrolled?.pool.countElsewhere(enrolled.backend, sum, total);
  }

  #sumQueues(): void {
    for (const pool of this.#roster.pools()) pool.queuedElsewhere = 0;
    for (const { queued } of this.#told.values()) {
      for (const [id, count] of queued) {
        const pool = this.#roster.pool(id);
        if (pool) pool.queuedElsewhere += count;
      }
    }
  }
}

/** Lets the pool judge a backend by what became of a worker's clients. */
function judge(
  { backend, pool }: Enrolled,
  { isRelieved, lastError }: BackendReport,
  failures: number,
): void {
  // Its place has been given back already, to the worker's own pool.
  const lease: Lease = { backend, [Symbol.dispose]: () => undefined };
  if (failures > 0) {
    backend.counters.lastError = lastError;
    // The pool counts one of them itself.
    backend.counters.connectFailures += failures - 1;
    pool.failed(lease);
  }
  if (isRelieved) pool.connected(lease);
}

function addDetail(
  { backend: { counters } }: Enrolled,
  now: BackendDetail,
  before: BackendDetail | undefined,
): void {
  counters.bytesIn += now.bytesIn - (before?.bytesIn ?? 0);
  counters.bytesOut += now.bytesOut - (before?.bytesOut ?? 0);
  for (const [reason, count] of Object.entries(now.ended) as [keyof BackendDetail["ended"], number][])
    counters.ended[reason] += count - (before?.ended[reason] ?? 0);
  counters.connectSeconds.absorb(now.connect, before?.connect);
  counters.sessionSeconds.absorb(now.session, before?.session);
}
