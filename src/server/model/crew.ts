import type { Address } from "../../net/mod.ts";
import { type Supervised, supervise } from "../supervisor.ts";
import type { Hang, WatchOptions } from "../watch.ts";
import type { End, Worker } from "../worker.ts";
import { END_MARGIN_MS, type ModelOptions } from "./contract.ts";
import { TOPICS } from "./orders.ts";

/** What a crew is to be told of one of its workers. */
export interface Progress {
  /** It serves, and where, if it listens itself. */
  readonly onReady: (address: Address | undefined) => void;
  readonly onCount: (connections: number) => void;
}

/** What makes a {@linkcode Crew}. */
export interface CrewOptions {
  readonly model: Pick<ModelOptions, "signal" | "onEnd">;
  /** Starts a worker, which is to end when it is told to on `TOPICS.stop`. */
  readonly start: () => Promise<Worker>;
  /** Gives a worker that has just been started its orders. @returns The same; its end may say more of why it could not serve. */
  readonly employ: (worker: Worker, listen: Address | "handed", progress: Progress) => Worker;
  /** A worker, as `employ` gave it, has stopped answering; it ends where it can be killed. Must not throw. */
  readonly onHang: (worker: Worker, hang: Hang) => void;
  /** How a worker that hangs is found. */
  readonly watch?: WatchOptions | undefined;
}

/** Reactors in threads or processes that are started again when they end. */
export class Crew {
  readonly #options: CrewOptions;
  readonly #supervised: Supervised<Worker>[] = [];
  /** Every worker that lives, and how many connections it has told of. */
  readonly #connections = new Map<Worker, number>();
  readonly #starting = new Set<Promise<Worker>>();
  readonly #failed = Promise.withResolvers<never>();
  #phase: "starting" | "serving" | "stopping" = "starting";

  constructor(options: CrewOptions) {
    this.#options = options;
    // Nobody may be waiting for the start any more.
    this.#failed.promise.catch(() => undefined);
  }

  get connections(): number {
    return this.#connections.values().reduce((sum, count) => sum + count, 0);
  }

  /**
   * Starts `count` reactors: the first one finds the port that all of them share.
   *
   * @returns Where they listen. @throws Why one of them cannot start, or the signal's reason; then none is left.
   */
  async start(count: number, listen: Address | "handed"): Promise<Address | undefined> {
    const { signal } = this.#options.model;
    const onAbort = (): void => {
      this.kill();
      this.#failed.reject(signal?.reason);
    };
    signal?.throwIfAborted();
    signal?.addEventListener("abort", onAbort);
    try {
      const address = await this.#add(listen);
      await Promise.all(Array.from({ length: count - 1 }, () => this.#add(address ?? listen)));
      this.#phase = "serving";
      return address;
    } catch (error) {
      await this.stop(0);
      throw error;
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }

  /** Lets every reactor finish for `graceMs` and end; kills those that take too long. */
  async stop(graceMs: number): Promise<void> {
    this.#release();
    await Promise.allSettled(this.#starting);
    const workers = [...this.#connections.keys()];
    for (const { channel } of workers) channel.send(TOPICS.stop, graceMs);
    const timer = setTimeout(() => this.kill(), graceMs + END_MARGIN_MS);
    await Promise.all(workers.map(({ exited }) => exited));
    clearTimeout(timer);
  }

  /** Ends every reactor at once. */
  kill(): void {
    this.#release();
    for (const worker of this.#connections.keys()) worker.kill("SIGKILL");
  }

  #release(): void {
    this.#phase = "stopping";
    for (const supervised of this.#supervised) supervised.release();
  }

  /** Adds a reactor, and resolves when it serves for the first time. Later ones in its place listen where it did. */
  async #add(listen: Address | "handed"): Promise<Address | undefined> {
    const first = Promise.withResolvers<Address | undefined>();
    let place = listen;
    const start = (onServing: () => void): Promise<Worker> =>
      this.#start(place, (address) => {
        place = address ?? listen;
        onServing();
        first.resolve(address);
      });
    const { onHang, watch } = this.#options;
    this.#supervised.push(
      supervise({
        start: (onServing) => this.#track(start(onServing)),
        onEnd: (end, delayMs) => this.#ended(end, delayMs),
        onHang,
        watch,
      }),
    );
    return await Promise.race([first.promise, this.#failed.promise]);
  }

  #track(starting: Promise<Worker>): Promise<Worker> {
    this.#starting.add(starting);
    return starting.finally(() => this.#starting.delete(starting));
  }

  async #start(listen: Address | "handed", onReady: (address: Address | undefined) => void): Promise<Worker> {
    const worker = await this.#options.start();
    this.#connections.set(worker, 0);
    if (this.#phase === "stopping") worker.kill("SIGKILL");
    void worker.exited.then(() => this.#connections.delete(worker));
    return this.#options.employ(worker, listen, {
      onReady,
      onCount: (count) => {
        if (this.#connections.has(worker)) this.#connections.set(worker, count);
      },
    });
  }

  #ended(end: End, delayMs: number): void {
    if (this.#phase === "starting")
      this.#failed.reject("error" in end ? end.error : new Error(describe(end)));
    else this.#options.model.onEnd?.(end, delayMs);
  }
}

function describe(end: Exclude<End, { readonly error: unknown }>): string {
  const how = "signal" in end ? `killed by ${end.signal}` : `exit code ${end.code}`;
  return `Cannot start a reactor: it ended before it was ready, ${how}`;
}
