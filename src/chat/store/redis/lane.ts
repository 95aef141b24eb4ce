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
   * Whether what waits behind a batch that failed fails with it, so that it cannot be done before what failed is asked for again.
   *
   * @default {false}
   */
  readonly failsTogether?: boolean;
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
      for (const [index, { resolve, reject }] of batch.entries()) {
        const result = results[index];
        if (result instanceof StoreError) reject(result);
        else if (result === undefined) reject(this.#unavailable("it was not answered"));
        else resolve(result);
      }
    } catch (cause) {
      this.#fail(batch, cause);
    }
  }

  #fail(requests: readonly Request<Op, Result>[], cause: unknown): void {
    const error = toStoreError(cause, this.#options.action);
    for (const { reject } of requests) reject(error);
    // Each batch that waits for a Redis that does not answer would run into the deadline in its turn.
    if (isSilence(cause) || this.#options.failsTogether)
      for (const { reject } of this.#queue.splice(0)) reject(error);
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
