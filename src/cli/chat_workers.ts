import { randomBytes } from "node:crypto";
import type { Logger } from "@logtape/logtape";
import { systemClock, withDeadline } from "../async/mod.ts";
import type { TcpAddress } from "../net/mod.ts";
import { type Channel, findFree, startChild, startThread, type Worker } from "../server/mod.ts";
import type { Load, WorkerConfiguration } from "./chat_worker.ts";
import { ChildServers, type Listening, type ToldDrain } from "./child_servers.ts";
import { wordsOf } from "./log.ts";
import type { WebSettings } from "./web_flags.ts";

/** Options for {@linkcode ChatWorkers}. */
export interface ChatWorkersOptions {
  /** The server's name; the workers are `ID.1`, `ID.2` … */
  readonly id: string;
  readonly count: number;
  readonly kind: "processes" | "threads";
  readonly configuration: Omit<WorkerConfiguration, "id" | "instance" | "listen">;
  /** Serves a new worker's channel with what the parent has for it. */
  readonly attach: (channel: Channel) => void;
  readonly log: Logger;
}

/** How far the drain of all workers has come. */
export interface WorkersDrain {
  readonly total: number;
  readonly left: number;
  readonly remainingMs: number;
}

const WORKER = new URL("./chat_worker.ts", import.meta.url).href;
/** The longest that a worker may take to say that it drains, in milliseconds: one that hangs is not waited for. */
const ANSWER_MS = 1500;

/** A worker that serves. */
interface Serving {
  /** What it has told last. */
  load: Load;
  /** The drains that it was told, those that were called off included. */
  told: number;
}

/** A drain that is under way. */
interface Draining {
  readonly endsAt: number;
  /** Sessions when all workers had heard of it. */
  total: number;
}

/** Workers that listen on one address, and are started again when they end. */
export class ChatWorkers {
  readonly #options: ChatWorkersOptions;
  readonly #servers: ChildServers<Worker>;
  readonly #serving = new Map<Worker, Serving>();
  /** Called whenever a worker has said something, or is gone. */
  readonly #waiting = new Set<() => void>();
  readonly #first = Promise.withResolvers<Listening>();
  readonly #all = Promise.withResolvers<void>();
  #listen: TcpAddress = { host: "127.0.0.1", port: 0 };
  #web: WebSettings | undefined;
  #draining: Draining | undefined;
  #starts = 0;

  constructor(options: ChatWorkersOptions) {
    this.#options = options;
    this.#web = options.configuration.web;
    const { kind, configuration, attach, log } = options;
    this.#servers = new ChildServers<Worker>({
      start: async (id) =>
        kind === "threads" ? startThread(WORKER) : await startChild(WORKER, ["--id", id]),
      configurationOf: (id) => this.#configurationOf(id),
      attach: (channel) => attach(channel),
      onStarted: (worker, listening) => this.#started(worker, listening),
      graceMs: configuration.graceMs,
      log,
    });
  }

  /** Where they serve HTTP, with the real port. */
  get web(): TcpAddress | undefined {
    return this.#web?.listen;
  }

  /** Workers that serve now. */
  get running(): number {
    return this.#serving.size;
  }

  /** How often a worker was started in another's place. */
  get restarts(): number {
    return Math.max(0, this.#starts - this.#options.count);
  }

  get connections(): number {
    return this.#sum(({ connections }) => connections);
  }

  get sessions(): number {
    return this.#sum(({ sessions }) => sessions);
  }

  /** Undefined while they take clients. */
  get draining(): WorkersDrain | undefined {
    if (!this.#draining) return undefined;
    const { endsAt, total } = this.#draining;
    return { total, left: this.sessions, remainingMs: Math.max(0, endsAt - systemClock.now()) };
  }

  /**
   * Starts them: the first one finds the ports that all of them share.
   *
   * @returns Where they listen. @throws {NetError} When somebody else listens there. {@linkcode StartError}
   */
  async start(listen: TcpAddress): Promise<TcpAddress> {
    for (const where of [listen, this.web]) if (where && where.port !== 0) await findFree(where);
    this.#listen = listen;
    const { id, count } = this.#options;
    this.#servers.add(`${id}.1`);
    const { tcp, web } = await Promise.race([this.#first.promise, this.#servers.failed]);
    this.#listen = { ...listen, port: portOf(tcp) };
    if (this.#web && web !== undefined)
      this.#web = { ...this.#web, listen: { ...this.#web.listen, port: portOf(web) } };
    for (let number = 2; number <= count; number++) this.#servers.add(`${id}.${number}`);
    await Promise.race([this.#all.promise, this.#servers.failed]);
    this.#servers.started();
    return this.#listen;
  }

  /**
   * Lets every worker send its clients elsewhere within `graceMs`, and close those that are left then; one that is started meanwhile,
   * too. Resolves when they have said that they do.
   */
  async drain(graceMs: number): Promise<void> {
    const draining = { endsAt: systemClock.now() + graceMs, total: 0 };
    this.#draining = draining;
    await this.#tellAll({ graceMs });
    draining.total = this.sessions;
  }

  /** Lets them take clients as before. Resolves when they have said that they do. */
  async undrain(): Promise<void> {
    this.#draining = undefined;
    await this.#tellAll("off");
  }

  /** Lets every worker drain and end; kills those that take too long. */
  stop(): Promise<void> {
    return this.#servers.stop();
  }

  /** Ends every worker at once. */
  kill(): void {
    this.#servers.kill();
  }

  #sum(count: (load: Load) => number): number {
    let sum = 0;
    for (const { load } of this.#serving.values()) sum += count(load);
    return sum;
  }

  #configurationOf(id: string): WorkerConfiguration {
    const { configuration } = this.#options;
    // A successor must not be taken for its predecessor.
    const instance = `${id}-${randomBytes(4).toString("hex")}`;
    const where = { listen: this.#listen, web: this.#web };
    return { ...configuration, id, instance, ...where, log: { ...configuration.log, role: id } };
  }

  #started(worker: Worker, listening: Listening): void {
    this.#starts += 1;
    const serving: Serving = { load: { connections: 0, sessions: 0, drains: 0 }, told: 0 };
    this.#serving.set(worker, serving);
    worker.channel.on("load", (body) => {
      serving.load = body as Load;
      this.#look();
    });
    void worker.exited.then(() => {
      this.#serving.delete(worker);
      this.#look();
    });
    if (this.#draining) {
      const graceMs = Math.max(0, this.#draining.endsAt - systemClock.now());
      this.#tell(worker, serving, { graceMs });
    }
    this.#first.resolve(listening);
    if (this.#serving.size === this.#options.count) this.#all.resolve();
  }

  #look(): void {
    for (const look of this.#waiting) look();
  }

  #tell(worker: Worker, serving: Serving, order: ToldDrain): void {
    serving.told += 1;
    worker.channel.send("drain", order);
  }

  /** Tells every worker, and waits until each has obeyed or is gone; one that hangs is not waited for. */
  async #tellAll(order: ToldDrain): Promise<void> {
    for (const [worker, serving] of this.#serving) this.#tell(worker, serving, order);
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = (): void => {
      if (this.#serving.values().every(({ load, told }) => load.drains >= told)) resolve();
    };
    this.#waiting.add(look);
    look();
    const { log } = this.#options;
    await withDeadline(promise, ANSWER_MS, "hear of a drain from every worker").catch((error: unknown) =>
      log.warn("drain: {error}", { error: wordsOf(error) }),
    );
    this.#waiting.delete(look);
  }
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(":") + 1));
}
