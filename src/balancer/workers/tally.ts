import type { ConnectionTable } from "../connection/table.ts";
import type { SpliceFrontend } from "../frontend/splice_frontend.ts";
import type { Backend } from "../pool/backend.ts";
import type { ClientJudge } from "../pool/pool.ts";
import type { BackendDetail, BackendReport, Count, FrontendReport, WorkerReport } from "./contract.ts";
import type { Mirror } from "./mirror.ts";

/** What was last told of a backend. */
interface Told {
  readonly active: number;
  readonly total: number;
  readonly failures: number;
  /** Connections that were over, by the last detail. */
  ended: number;
}

/** What a worker has counted and not told yet. */
export class Tally implements ClientJudge {
  readonly #mirror: Mirror;
  readonly #onTrouble: () => void;
  readonly #frontends = new Map<number, SpliceFrontend>();
  readonly #told = new Map<number, Told>();
  readonly #toldFrontends = new Map<number, string>();
  #toldQueues = "";
  /** Backends to which a client could not be connected, and none since; and those to which one was then. */
  readonly #troubled = new Set<Backend>();
  readonly #relieved = new Set<Backend>();

  /** @param onTrouble Called when something is to be told soon. */
  constructor(mirror: Mirror, onTrouble: () => void) {
    this.#mirror = mirror;
    this.#onTrouble = onTrouble;
  }

  failed(backend: Backend): void {
    this.#troubled.add(backend);
    this.#relieved.delete(backend);
    this.#onTrouble();
  }

  connected(backend: Backend): void {
    if (this.#troubled.size > 0 && this.#troubled.delete(backend)) this.#relieved.add(backend);
  }

  /** A frontend is served from now on. */
  add(id: number, frontend: SpliceFrontend): void {
    this.#frontends.set(id, frontend);
  }

  frontend(id: number): SpliceFrontend | undefined {
    return this.#frontends.get(id);
  }

  /** What has changed since the last call; undefined when nothing has. @param table The connections, where all is to be told. */
  take(table: ConnectionTable | undefined): WorkerReport | undefined {
    const backends = this.#takeBackends(table);
    const frontends = this.#takeFrontends();
    const queued = Array.from(this.#mirror.pools, ([id, pool]): Count => [id, pool.queued]);
    const queues = JSON.stringify(queued);
    if (backends.length + frontends.length === 0 && queues === this.#toldQueues) return undefined;
    this.#toldQueues = queues;
    return { backends, frontends, queued };
  }

  #takeBackends(table: ConnectionTable | undefined): BackendReport[] {
    const reports: BackendReport[] = [];
    for (const [id, backend] of this.#mirror.backends) {
      const report = this.#takeBackend(id, backend, table);
      if (report) reports.push(report);
      if (backend.active - backend.elsewhere === 0) this.#forgetGone(id, table);
    }
    return reports;
  }

  #takeBackend(id: number, backend: Backend, table: ConnectionTable | undefined): BackendReport | undefined {
    const { total, elsewhere, counters } = backend;
    const active = backend.active - elsewhere;
    const { connectFailures: failures, lastError } = counters;
    const told = this.#told.get(id);
    const isSame =
      active === (told?.active ?? 0) && total === (told?.total ?? 0) && failures === (told?.failures ?? 0);
    const isRelieved = this.#relieved.delete(backend);
    const detail = table && (total > 0 || failures > 0) ? this.#detailOf(backend, table, told) : undefined;
    if (isSame && !isRelieved && !detail) return undefined;
    const ended = detail ? sum(detail.ended) : (told?.ended ?? 0);
    this.#told.set(id, { active, total, failures, ended });
    return { id, active, total, failures, lastError, isRelieved, detail };
  }

  /** Undefined where it is as it was: no connections then, and none that ended since. */
  #detailOf(backend: Backend, table: ConnectionTable, told: Told | undefined): BackendDetail | undefined {
    const { counters } = backend;
    if (backend.active === backend.elsewhere && told && sum(counters.ended) === told.ended) return undefined;
    const live = table.liveBytes(backend);
    return {
      bytesIn: counters.bytesIn + live.bytesIn,
      bytesOut: counters.bytesOut + live.bytesOut,
      ended: { ...counters.ended },
      connect: counters.connectSeconds.snapshot(),
      session: counters.sessionSeconds.snapshot(),
    };
  }

  /** One that has left and of which all was told. */
  #forgetGone(id: number, table: ConnectionTable | undefined): void {
    if (!table) return;
    this.#mirror.forget(id);
    if (!this.#mirror.find(id)) this.#told.delete(id);
  }

  #takeFrontends(): FrontendReport[] {
    const reports: FrontendReport[] = [];
    for (const [id, { connections, counters, isDraining }] of this.#frontends) {
      const { total, refused } = counters;
      const numbers = JSON.stringify([connections, total, counters.refusedTotal]);
      if (numbers !== this.#toldFrontends.get(id)) {
        this.#toldFrontends.set(id, numbers);
        reports.push({ id, connections, total, refused: { ...refused } });
      } else if (isDraining && connections === 0) {
        this.#frontends.delete(id);
        this.#toldFrontends.delete(id);
      }
    }
    return reports;
  }
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((all, one) => all + one, 0);
}
