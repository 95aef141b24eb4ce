import type { Logger } from "@logtape/logtape";
import type { ChatServer } from "../chat/mod.ts";
import { formatAddress } from "../net/mod.ts";
import {
  type Channel,
  type End,
  type Supervised,
  supervise,
  type Worker,
  wordsOfHang,
} from "../server/mod.ts";
import { StartError } from "./errors.ts";
import { wordsOfEnd } from "./log.ts";

/** Where a server listens: for TCP, and for HTTP where it does. */
export interface Listening {
  readonly tcp: string;
  readonly web?: string | undefined;
}

/** What a server answers on topic `started`: where it listens, or why it could not start. */
export type Started = Listening | { readonly error: string };

/** Where a server listens, as it tells its parent. */
export function listeningOf({ address, web }: ChatServer): Listening {
  return { tcp: formatAddress(address), web: web && formatAddress(web) };
}

/** What its parent says on topic `drain`: how long the clients have to leave, or that they may stay. */
export type ToldDrain = { readonly graceMs: number } | "off";

/** Options for {@linkcode ChildServers}. */
export interface ChildServersOptions<W extends Worker> {
  /** Starts the process or the thread of a server. */
  readonly start: (id: string) => Promise<W>;
  /** What a server is told first, on topic `configure`. */
  readonly configurationOf: (id: string) => object;
  /** Serves a new one's channel with what the parent has for it. */
  readonly attach: (channel: Channel) => void;
  /** A server listens. */
  readonly onStarted: (worker: W, listening: Listening) => void;
  readonly graceMs: number;
  readonly log: Logger;
}

/** How much longer than its grace a server may take to end, in milliseconds, before it is killed. */
const END_MARGIN_MS = 5000;

/** Chat servers in processes or threads of their own, that are started again when they end. */
export class ChildServers<W extends Worker> {
  readonly #options: ChildServersOptions<W>;
  readonly #supervised: Supervised<W>[] = [];
  readonly #workers = new Set<W>();
  readonly #failed = Promise.withResolvers<never>();
  #isStopping = false;
  #isStarted = false;

  constructor(options: ChildServersOptions<W>) {
    this.#options = options;
    // Nobody may be waiting for the start any more.
    this.#failed.promise.catch(() => undefined);
  }

  /** Rejects with a {@linkcode StartError} when a server ends before `started` was called; else never settles. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  /** Adds a server, which is started; none once they are to end. */
  add(id: string): void {
    if (this.#isStopping) return;
    const { log } = this.#options;
    this.#supervised.push(
      supervise({
        start: (onServing) => this.#start(id, onServing),
        onEnd: (end, delayMs) => this.#ended(id, end, delayMs),
        onHang: (_, hang) => log.error("{id} {what}", { id, what: wordsOfHang(hang) }),
      }),
    );
  }

  /** From now on a server that ends is only started again. */
  started(): void {
    this.#isStarted = true;
  }

  /** Lets every server drain and end; kills those that take too long. */
  async stop(): Promise<void> {
    this.#release();
    for (const { channel } of this.#workers) channel.send("stop", undefined);
    const { graceMs, log } = this.#options;
    const timer = setTimeout(() => {
      log.warn("{count} servers have not ended in time, and are killed", { count: this.#workers.size });
      this.kill();
    }, graceMs + END_MARGIN_MS);
    await Promise.all([...this.#workers].map(({ exited }) => exited));
    clearTimeout(timer);
  }

  /** Ends every server at once. */
  kill(): void {
    this.#release();
    for (const worker of this.#workers) worker.kill("SIGKILL");
  }

  #release(): void {
    this.#isStopping = true;
    for (const supervised of this.#supervised) supervised.release();
  }

  async #start(id: string, onServing: () => void): Promise<W> {
    const { start, configurationOf, attach, onStarted } = this.#options;
    const worker = await start(id);
    const { channel } = worker;
    this.#workers.add(worker);
    void worker.exited.then(() => this.#workers.delete(worker));
    // It was asked for before the stop, and came after it.
    if (this.#isStopping) worker.kill("SIGKILL");
    attach(channel);
    channel.on("started", (body) => {
      const started = body as Started;
      if ("tcp" in started) {
        onServing();
        onStarted(worker, started);
      } else this.#notStarted(worker, id, started.error);
    });
    channel.send("configure", configurationOf(id));
    return worker;
  }

  #notStarted(worker: W, id: string, error: string): void {
    this.#options.log.error("{id} cannot start: {error}", { id, error });
    this.#failed.reject(new StartError(`${id} cannot start: ${error}`));
    worker.kill("SIGKILL");
  }

  #ended(id: string, end: End, delayMs: number): void {
    const how = wordsOfEnd(end);
    if (!this.#isStarted) this.#failed.reject(new StartError(`${id} ended before it was ready: ${how}`));
    this.#options.log.warn("{id} ended: {how}; it is started again in {delayMs} ms", {
      id,
      how,
      delayMs: Math.round(delayMs),
    });
  }
}
