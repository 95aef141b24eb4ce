import { type Clock, withDeadline } from "../../../async/mod.ts";
import type { RedisConnection } from "../../../redis/mod.ts";
import { StoreError } from "../contract.ts";
import { MAX_QUEUED_WRITES, type WriteOp, type WriteResult } from "../write.ts";
import type { Confirm } from "./durability.ts";
import { isSilence, toStoreError } from "./error.ts";
import type { Scripts } from "./scripts.ts";

/** Options for {@linkcode RedisWriter}. */
export interface RedisWriterOptions {
  readonly scripts: Scripts;
  readonly confirm: Confirm;
  /** The longest that a batch may take, in milliseconds. */
  readonly deadlineMs: number;
  readonly clock: Clock;
}

interface Request {
  readonly op: WriteOp;
  resolve(result: WriteResult): void;
  reject(error: StoreError): void;
}

/** Writes in one batch: Redis does nothing else while it runs the script. */
const MAX_BATCH_OPS = 128;
/** Characters of text in one batch. */
const MAX_BATCH_TEXT = 512 * 1024;
/** What is left of a batch's deadline to hear that the wait for the disk or a replica is over, in milliseconds. */
const ANSWER_MS = 250;

/**
 * Writes in batches, one under way at a time: so messages keep their order even when a connection is lost, and there is one
 * wait for the disk or a replica for all of them. What comes meanwhile is the next batch.
 */
export class RedisWriter {
  readonly #connection: RedisConnection;
  readonly #options: RedisWriterOptions;
  readonly #queue: Request[] = [];
  #running: Promise<void> | undefined;
  #isOpen = true;

  /** @param connection Used for writing alone; closed by `close`. */
  constructor(connection: RedisConnection, options: RedisWriterOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /** @throws {StoreError} `unavailable`. */
  write(op: WriteOp): Promise<WriteResult> {
    if (!this.#isOpen) return Promise.reject(unavailable("the store was closed"));
    if (this.#queue.length >= MAX_QUEUED_WRITES) {
      return Promise.reject(unavailable(`${MAX_QUEUED_WRITES} writes wait already`));
    }
    const { promise, resolve, reject } = Promise.withResolvers<WriteResult>();
    this.#queue.push({ op, resolve, reject });
    this.#running ??= this.#run();
    return promise;
  }

  /** Writes what is queued, then ends the connection. */
  async close(): Promise<void> {
    this.#isOpen = false;
    await this.#running;
    await this.#connection.close();
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    // After the turn, not in it: what other connections ask for in it comes along.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#queue.length > 0) await this.#carryOut(this.#take());
    this.#running = undefined;
  }

  #take(): readonly Request[] {
    let count = 0;
    let text = 0;
    for (const { op } of this.#queue) {
      text += op.type === "send" ? op.message.text.length : 0;
      if (count === MAX_BATCH_OPS || (count > 0 && text > MAX_BATCH_TEXT)) break;
      count += 1;
    }
    return this.#queue.splice(0, count);
  }

  async #carryOut(batch: readonly Request[]): Promise<void> {
    const { deadlineMs, clock } = this.#options;
    try {
      const outcomes = await withDeadline(this.#store(batch), deadlineMs, "write to Redis", clock);
      for (const [index, outcome] of outcomes.entries()) {
        if (outcome.status === "fulfilled") batch[index]?.resolve(outcome.value);
        else this.#fail(batch.slice(index, index + 1), outcome.reason);
      }
    } catch (cause) {
      this.#fail(batch, cause);
    }
  }

  #fail(requests: readonly Request[], cause: unknown): void {
    const error = toStoreError(cause, "write to Redis");
    for (const { reject } of requests) reject(error);
    // Each batch that waits for a Redis that does not answer would run into the deadline in its turn.
    if (isSilence(cause)) for (const { reject } of this.#queue.splice(0)) reject(error);
  }

  async #store(batch: readonly Request[]): Promise<readonly PromiseSettledResult<WriteResult>[]> {
    const { scripts, confirm, deadlineMs, clock } = this.#options;
    const startedAt = clock.now();
    const outcomes = await Promise.allSettled(scripts.run(batch.map(({ op }) => op)));
    if (outcomes.every(({ status }) => status === "rejected")) return outcomes;
    const leftMs = deadlineMs - (clock.now() - startedAt) - ANSWER_MS;
    await confirm(Math.max(1, Math.floor(leftMs)));
    return outcomes;
  }
}

function unavailable(reason: string): StoreError {
  return new StoreError("unavailable", `Cannot write to the store: ${reason}`);
}
