import { type Clock, systemClock, type Timer } from "../../async/mod.ts";
import { Crew, type End, type Hang, HeldPorts, hearReady, TOPICS, type Worker } from "../../server/mod.ts";
import type { BalancerConfiguration } from "../configuration/contract.ts";
import type { TableFilter } from "../connection/contract.ts";
import type { ConnectionView } from "../control/views.ts";
import {
  type SpliceFrontend,
  type SpliceFrontendOptions,
  startSpliceFrontend,
} from "../frontend/splice_frontend.ts";
import type { Backend } from "../pool/backend.ts";
import type { Pool } from "../pool/pool.ts";
import type { Report, Servers } from "../running/context.ts";
import {
  type Plan,
  type QuestionName,
  type Questions,
  TELL_EVERY_MS,
  WORKER_TOPICS,
  type WorkerOrders,
  type WorkerReport,
  type WorkerUsage,
} from "./contract.ts";
import { Ledger } from "./ledger.ts";
import { WorkerLink } from "./link.ts";
import { Roster } from "./roster.ts";
import { WorkedFrontend } from "./worked_frontend.ts";

/** Options for {@linkcode Workers}. */
export interface WorkersOptions {
  readonly count: number;
  readonly areThreads: boolean;
  /** Starts a process or a thread that serves as `serveBalancer` does. */
  readonly start: () => Promise<Worker>;
  readonly nodeId: string;
  readonly graceMs: number;
  /** What the program that runs the workers wants to tell them: plain data. */
  readonly program: unknown;
  /** A worker has ended by itself, with the clients that it had. Must not throw. */
  readonly onLost: (worker: number, end: End, clients: number) => void;
  /** A worker has stopped answering. Where it can be killed it is, and `onLost` follows. Must not throw. */
  readonly onHang: (worker: number, hang: Hang) => void;
  /** Another one starts after a while, which grows while they end soon. Must not throw. */
  readonly onRestart: (delayMs: number) => void;
  readonly onError: Report;
  /** @default {systemClock} */
  readonly clock?: Clock | undefined;
}

/** How long operators wait for workers to tell the newest numbers, in milliseconds. */
const REFRESH_MS = 1000;

/**
 * The workers of a balancer, which serve its clients of TCP; the balancer itself probes, discovers, and tells them what it knows. Its other
 * frontends, for datagrams and on unix sockets, it serves itself.
 *
 * To be made before the balancer, which is given {@linkcode startStream}, {@linkcode servers} and {@linkcode follow}, and then started.
 */
export class Workers implements AsyncDisposable {
  readonly servers: Servers = {
    drain: (backend, withinMs) => this.#tellOf(backend, (id) => ["drain_backend", { backend: id, withinMs }]),
    undrain: (backend) => {
      this.#tellOf(backend, (id) => ["undrain_backend", { backend: id }]);
      return undefined;
    },
    dismiss: (backend, overMs) => this.#tellOf(backend, (id) => ["dismiss_backend", { backend: id, overMs }]),
  };
  readonly #options: WorkersOptions;
  readonly #clock: Clock;
  readonly #roster = new Roster();
  readonly #frontends = new Map<number, WorkedFrontend>();
  readonly #ledger: Ledger = new Ledger(this.#roster, this.#frontends);
  readonly #ports = new HeldPorts();
  readonly #numbers = new WeakMap<Worker, number>();
  readonly #links = new Map<WorkerLink, WorkerUsage | undefined>();
  readonly #crew: Crew;
  #plan: Plan | undefined;
  #lastFrontend = 0;
  #lastWorker = 0;
  #timer: Timer | undefined;
  #isStopping = false;

  constructor(options: WorkersOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#crew = new Crew({
      model: { onEnd: (_, delayMs) => options.onRestart(delayMs) },
      start: options.start,
      employ: (worker, _, { onReady }) => this.#employ(worker, onReady),
      onHang: (worker, hang) => options.onHang(this.#numbers.get(worker) ?? 0, hang),
    });
  }

  /** How many serve now. */
  get size(): number {
    return [...this.#links.keys()].filter(({ isReady }) => isReady).length;
  }

  /** What all that live use, as of the last time that they told. */
  get usage(): readonly WorkerUsage[] {
    return [...this.#links.values()].filter((usage) => usage !== undefined);
  }

  /** Follows a pool of the balancer's. */
  follow(pool: Pool): void {
    this.#roster.follow(pool);
  }

  /** Makes a frontend of the balancer's, which workers are told of by {@linkcode publish}. @throws {NetError} when its address is not free. */
  async startStream(options: SpliceFrontendOptions): Promise<SpliceFrontend> {
    if ("path" in options.listen) return await startSpliceFrontend(options);
    const address = await this.#ports.find(options.listen);
    this.#lastFrontend += 1;
    const frontend = new WorkedFrontend(this.#lastFrontend, address, options, this);
    this.#frontends.set(frontend.id, frontend);
    return frontend;
  }

  /** Starts the workers. Resolves when all of them serve. @throws Why one of them cannot; then none is left. */
  async start(configuration: BalancerConfiguration): Promise<void> {
    this.#plan = this.#toPlan(configuration);
    this.#timer = this.#clock.after(TELL_EVERY_MS, () => this.#tick());
    try {
      await this.#crew.start(this.#options.count, "handed");
    } catch (error) {
      this.#end();
      throw error;
    } finally {
      await this.#ports.release();
    }
  }

  /** Lets all workers work by another configuration, by which the balancer works already. What one cannot do is reported. */
  async publish(configuration: BalancerConfiguration): Promise<void> {
    for (const [id, { isDraining, connections }] of this.#frontends)
      if (isDraining && connections === 0) this.#frontends.delete(id);
    this.#plan = this.#toPlan(configuration);
    this.#tellNews();
    await this.askAll("plan", this.#plan);
    await this.#ports.release();
  }

  /** Resolves when the newest numbers are here, or a worker has taken too long. */
  async refresh(): Promise<void> {
    await this.askAll("report", undefined, REFRESH_MS);
  }

  /** Connections that workers serve, `limit` at most, named `w2-c1a` after the worker and what it calls them itself. */
  async connections(filter: TableFilter, limit: number): Promise<ConnectionView[]> {
    const found = await Promise.all(
      Array.from(this.#links.keys(), async (link) => {
        const views = await link.ask("connections", { filter, limit }).catch(() => undefined);
        return (views ?? []).map((view) => ({ ...view, id: `w${link.number}-${view.id}` }));
      }),
    );
    return found.flat().slice(0, limit);
  }

  /** Ends the connection of a name. @returns Whether there is one. */
  async closeConnection(id: string): Promise<boolean> {
    const [, number, own = ""] = /^w(\d+)-(c.+)$/.exec(id) ?? [];
    const link = this.#links.keys().find((one) => String(one.number) === number);
    return (await link?.ask("end", own)) === true;
  }

  /** Lets all workers end their clients within `graceMs`, and end. To be called before the balancer is closed. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    await this.#crew.stop(graceMs);
    await this.#ports.release();
    this.#end();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop(0);
  }

  /** Ends all workers at once. */
  kill(): void {
    this.#isStopping = true;
    this.#crew.kill();
  }

  /** Asks all that live. What fails there is reported. */
  async askAll<Name extends QuestionName>(
    name: Name,
    ask: Questions[Name]["ask"],
    withinMs?: number,
  ): Promise<void> {
    const report = (error: unknown): void =>
      this.#options.onError(error, { during: `ask a worker: ${name}` });
    await Promise.all(Array.from(this.#links.keys(), (link) => link.ask(name, ask, withinMs).catch(report)));
  }

  #employ(worker: Worker, onReady: (address: undefined) => void): Worker {
    const { channel } = worker;
    const { nodeId, count, areThreads, graceMs, program } = this.#options;
    this.#lastWorker += 1;
    const link = new WorkerLink(this.#lastWorker, channel, (report) => this.#take(link, report));
    const heard = hearReady(worker, () => {
      link.isReady = true;
      onReady(undefined);
    });
    // The others hear of what is in its orders now, so that nobody hears of it twice.
    this.#tellNews();
    this.#links.set(link, undefined);
    link.send(TOPICS.orders, {
      number: link.number,
      nodeId,
      workers: count,
      areThreads,
      graceMs,
      // It is made before the first one is started.
      plan: this.#plan as Plan,
      news: this.#roster.all(),
      program,
    } satisfies WorkerOrders);
    const employed = { ...heard, exited: heard.exited.then((end) => this.#lose(link, end)) };
    this.#numbers.set(employed, link.number);
    return employed;
  }

  /** A worker is gone. */
  #lose(link: WorkerLink, end: End): End {
    link.close();
    this.#links.delete(link);
    const clients = this.#ledger.drop(link);
    if (link.isReady && !this.#isStopping) this.#options.onLost(link.number, end, clients);
    return end;
  }

  #take(link: WorkerLink, report: WorkerReport): void {
    if (!this.#links.has(link)) return;
    if (report.usage) this.#links.set(link, report.usage);
    this.#ledger.take(link, report);
  }

  #toPlan(configuration: BalancerConfiguration): Plan {
    const { text, file } = configuration;
    const pools = this.#roster.poolIds(new Set(configuration.pools.keys()));
    const frontends = Array.from(this.#frontends.values())
      .filter(({ name, isDraining }) => !isDraining && configuration.frontends.has(name))
      .map(({ name, id, address }) => [name, { id, listen: address }] as const);
    return { text, file, pools, frontends: new Map(frontends) };
  }

  #tick(): void {
    this.#tellNews();
    const here = this.#shareLimit();
    for (const link of this.#links.keys()) {
      const counts = this.#ledger.takeCounts(link, here);
      if (counts) link.send(WORKER_TOPICS.counts, counts);
    }
    this.#timer = this.#clock.after(TELL_EVERY_MS, () => this.#tick());
  }

  /** Lets the limit of all frontends know of the workers' clients. @returns How many the balancer has itself. */
  #shareLimit(): number {
    const frontends = [...this.#frontends.values()];
    const shared = frontends.find(({ isDraining }) => !isDraining)?.settings.access?.shared;
    if (!shared) return 0;
    shared.elsewhere = frontends.reduce((sum, { connections }) => sum + connections, 0);
    return shared.count;
  }

  #tellNews(): void {
    // What becomes of the balancer's pools when it closes is no news to those who let their clients leave.
    if (this.#isStopping) return;
    const news = this.#roster.takeNews();
    if (news) for (const link of this.#links.keys()) link.send(WORKER_TOPICS.news, news);
  }

  /** Tells all workers what is to become of a backend's clients. A worker that starts later has none. */
  #tellOf<Name extends QuestionName>(
    backend: Backend,
    question: (id: number) => readonly [Name, Questions[Name]["ask"]],
  ): void {
    const id = this.#roster.idOf(backend);
    if (id === undefined) return;
    // It may be news to them.
    this.#tellNews();
    // Never rejects; whoever waits for the clients counts them.
    void this.askAll(...question(id));
  }

  #end(): void {
    this.#timer?.cancel();
    this.#roster[Symbol.dispose]();
  }
}
