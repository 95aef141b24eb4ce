import { type Clock, MAX_DURATION_MS, systemClock, wait } from "../../async/mod.ts";
import { type Connection, carriedConnection, splice } from "../../net/mod.ts";
import { Restarts } from "../restarts.ts";
import type { End, Worker } from "../worker.ts";
import { END_MARGIN_MS, type ModelOptions, READY_MS } from "./contract.ts";
import type { Lane } from "./lane.ts";
import { type ConnectionOrders, fromSent, type Ready, TOPICS, type ToldError } from "./orders.ts";
import { NOBODY, type Serving } from "./reactor.ts";
import { Relay } from "./relay.ts";

/** A worker for one connection, and the way of its bytes. */
export interface ConnectionWorker {
  readonly worker: Worker;
  readonly lane: Lane;
}

/** The module that they run. */
export const CONNECTION_WORKER: string = new URL("./connection_worker.ts", import.meta.url).href;

/** Starts a worker for each connection, and sees it to its end. */
export class Attendants {
  readonly #handler: string;
  readonly #options: ModelOptions;
  readonly #start: () => Promise<ConnectionWorker>;
  readonly #clock: Clock;
  readonly #running = new Set<Worker>();
  readonly #restarts = new Restarts();
  /** Workers that end before they are ready keep the next one from starting until then. */
  #restsUntil = 0;
  #isKilled = false;

  constructor(
    handler: string,
    options: ModelOptions,
    start: () => Promise<ConnectionWorker>,
    clock: Clock = systemClock,
  ) {
    this.#handler = handler;
    this.#options = options;
    this.#start = start;
    this.#clock = clock;
  }

  /** A client waits, unread, until its worker is ready: that it has ended its side is not seen before. */
  serve(client: Connection): Serving {
    client.pause();
    const left = new AbortController();
    const ended = this.#serve(client, left.signal).catch((error: unknown) => {
      client.abort();
      if (!left.signal.aborted) this.#failed({ error });
    });
    return { handler: { ...NOBODY, close: () => left.abort() }, ended };
  }

  /** Ends every worker at once. */
  kill(): void {
    this.#isKilled = true;
    for (const worker of this.#running) worker.kill("SIGKILL");
  }

  async #serve(client: Connection, left: AbortSignal): Promise<void> {
    await wait(Math.max(0, this.#restsUntil - this.#clock.now()), { signal: left, clock: this.#clock });
    const { worker, lane } = await this.#start();
    this.#running.add(worker);
    if (this.#isKilled) worker.kill("SIGKILL");
    try {
      if (await this.#isReady(client, worker, left)) {
        this.#restarts.settle();
        await this.#carry(client, worker, lane);
      } else client.abort();
    } finally {
      this.#running.delete(worker);
    }
  }

  /** Waits until a worker serves. @returns False when it does not, or nobody wants it any more; it has then ended. */
  async #isReady(
    { remote, local }: Connection,
    { channel, exited, kill }: Worker,
    left: AbortSignal,
  ): Promise<boolean> {
    channel.on(TOPICS.error, (body) => {
      const { error, during } = body as ToldError;
      this.#options.onError?.(fromSent(error), { during });
    });
    const ready = new Promise<Ready>((resolve) => channel.on(TOPICS.ready, (body) => resolve(body as Ready)));
    const { promise: over, resolve: end } = Promise.withResolvers<"left" | "late">();
    if (left.aborted) end("left");
    left.addEventListener("abort", () => end("left"));
    const timer = this.#clock.after(READY_MS, () => end("late"));
    channel.send(TOPICS.orders, { handler: this.#handler, remote, local } satisfies ConnectionOrders);
    const begun = await Promise.race([ready, exited, over]);
    timer.cancel();
    if (typeof begun === "object" && "address" in begun) return true;
    kill("SIGKILL");
    await exited;
    if (begun === "late") this.#failed({ error: new Error(`Cannot serve: not ready after ${READY_MS} ms`) });
    else if (begun !== "left") this.#failed("failed" in begun ? { error: fromSent(begun.failed) } : begun);
    return false;
  }

  /** Carries the bytes of a connection to its end, and that of the worker. */
  async #carry(client: Connection, { channel, exited, kill }: Worker, lane: Lane): Promise<void> {
    const { remote, local } = client;
    const far = carriedConnection(new Relay(lane, { remote: local, local: remote }), () => NOBODY);
    // How long a connection may be idle is for its handler to say.
    await splice(client, far, { idleTimeoutMs: MAX_DURATION_MS, halfCloseTimeoutMs: MAX_DURATION_MS }).closed;
    channel.on(TOPICS.over, () => channel.send(TOPICS.stop, undefined));
    const timer = this.#clock.after(END_MARGIN_MS, () => kill("SIGKILL"));
    const end = await exited;
    timer.cancel();
    if (!this.#isKilled && !("code" in end && end.code === 0)) this.#options.onEnd?.(end, 0);
  }

  /** A worker could not be made to serve: the next one has to wait. */
  #failed(end: End): void {
    if (this.#isKilled) return;
    const delayMs = this.#restarts.nextDelayMs();
    this.#restsUntil = this.#clock.now() + delayMs;
    this.#options.onEnd?.(end, delayMs);
  }
}
