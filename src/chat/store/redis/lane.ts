import { type Clock, withDeadline } from "../../../async/mod.ts";
import { MAX_QUEUED_WRITES, StoreError } from "../contract.ts";
import { isSilence, toStoreError } from "./error.ts";

/** Options for {@linkcode Lane}. */
export interface LaneOptions<Op, Result> {
  /** As in "Cannot `action`: …". */
  readonly action: string;
  /** Carries out a batch, in order; gives for each its result, or why that one failed. */
  run(batch: readonly Op[]): Promise<readonly (Result | StoreError)[]>;
  /** How much of a batch an operation fills, as a part of 1. */
  weigh(op: Op): number;
  /** The longest that a batch may take, in milliseconds. */
  readonly deadlineMs: number;
  readonly clock: Clock;
  /**
   * Names the order that an operation belongs to: when one fails, those of the same order that wait behind it fail, too, so that they cannot
   * be done before it is asked for again. Absent: each is one of its own.
   */
  orderOf?(op: Op): string;
}

interface Request<Op, Result> {
  readonly op: Op;
  resolve(result: Result): void;
  reject(error: StoreError): void;
}

/**
 * Does things in batches, one under way at a time: so they keep their order even when a connection is lost. What is asked for in one turn, or
 * while a batch is under way, is the next batch.
 */
export class Lane<Op, Result> {
  readonly #options: LaneOptions<Op, Result>;
  readonly #queue: Request<Op, Result>[] = [];
  #running: Promise<void> | undefined;
  #isOpen = true;

  constructor(options: LaneOptions<Op, Result>) {
    this.#options = options;
  }

  /** @throws {StoreError} `unavailable`: it may or may not have been done. */
  ask(op: Op): Promise<Result> {
    if (!this.#isOpen) return Promise.reject(this.#unavailable("the store was closed"));
    if (this.#queue.length >= MAX_QUEUED_WRITES) {
      return Promise.reject(this.#unavailable(`${MAX_QUEUED_WRITES} of them wait already`));
    }
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    this.#queue.push({ op, resolve, reject });
    this.#running ??= this.#run();
    return promise;
  }

  /** Does what is queued, and takes no more. */
  async close(): Promise<void> {
    this.#isOpen = false;
    await this.#running;
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    // After the turn, not in it: what other connections ask for in it comes along.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#queue.length > 0) await this.#carryOut(this.#take());
    this.#running = undefined;
  }

  #take(): readonly Request<Op, Result>[] {
    let count = 0;
    let weight = 0;
    for (const { op } of this.#queue) {
      weight += this.#options.weigh(op);
      if (count > 0 && weight > 1) break;
      count += 1;
    }
    return this.#queue.splice(0, count);
  }

  async #carryOut(batch: readonly Request<Op, Result>[]): Promise<void> {
    const { run, deadlineMs, clock, action } = this.#options;
    try {
      const results = await withDeadline(run(batch.map(({ op }) => op)), deadlineMs, action, clock);
      for (const [index, request] of batch.entries()) {
        const result = results[index] ?? this.#unavailable("it was not answered");
        if (result instanceof StoreError) this.#fail([request], result);
        else request.resolve(result);
      }
    } catch (cause) {
      const error = toStoreError(cause, this.#options.action);
      // Each batch that waits for a Redis that does not answer would run into the deadline in its turn.
      this.#fail(isSilence(cause) ? [...batch, ...this.#queue.splice(0)] : batch, error);
    }
  }

  /** Refuses requests, and those that wait behind them in their orders. */
  #fail(requests: readonly Request<Op, Result>[], error: StoreError): void {
    const { orderOf } = this.#options;
    for (const { reject } of requests) reject(error);
    if (!orderOf || this.#queue.length === 0) return;
    const orders = new Set(requests.map(({ op }) => orderOf(op)));
    for (const request of this.#queue.splice(0)) {
      if (orders.has(orderOf(request.op))) request.reject(error);
      else this.#queue.push(request);
    }
  }

  #unavailable(reason: string): StoreError {
    return new StoreError("unavailable", `Cannot ${this.#options.action}: ${reason}`);
  }
}

/** Lanes by name, made when they are first used. The number of names is bounded by who names them. */
export class Lanes<Op, Result> {
  readonly #lanes = new Map<string, Lane<Op, Result>>();
  readonly #open: () => Lane<Op, Result>;

  constructor(options: LaneOptions<Op, Result>) {
    this.#open = () => new Lane(options);
  }

  /** See {@linkcode Lane.ask}. */
  ask(name: string, op: Op): Promise<Result> {
    let lane = this.#lanes.get(name);
    if (!lane) {
      lane = this.#open();
      this.#lanes.set(name, lane);
    }
    return lane.ask(op);
  }

  /** See {@linkcode Lane.close}. */
  async close(): Promise<void> {
    await Promise.all(Array.from(this.#lanes.values(), (lane) => lane.close()));
  }
}
