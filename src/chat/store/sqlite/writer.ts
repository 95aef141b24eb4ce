import type { DatabaseSync } from "node:sqlite";
import { type Clock, systemClock, type Timer } from "../../../async/mod.ts";
import { MAX_QUEUED_WRITES, orderOf, StoreError, type StoreErrorHandler } from "../contract.ts";
import { type StoreLimits, withDefaults } from "../limits.ts";
import { Checkpoints } from "./checkpoints.ts";
import { databasePath, lockFolder, makeFolder, openForWriting } from "./database.ts";
import { toStoreError } from "./error.ts";
import { InPlace } from "./in_place.ts";
import type { Delivered } from "./inboxes.ts";
import { Journal, journalPath } from "./journal.ts";
import { type TransactionParts, Transactions } from "./transactions.ts";
import type { Hint, WriteOp, WriteResult, Writer } from "./write.ts";

/** Options for {@linkcode openWriter}. */
export interface WriterOptions {
  /** The data folder. Made if there is none, with rights for its owner alone. */
  dir: string;
  /** Whether a result waits for the disk, or only for the system's memory. @default {"disk"} */
  durable?: "memory" | "disk";
  /** Told of every new inbox entry once it is stored. */
  hint: Hint;
  /** Told of batches that failed, and of a `hint` that threw. */
  onError: StoreErrorHandler;
  /** Bounds of what is kept. */
  limits?: StoreLimits;
  /** What time it is. @default {systemClock} */
  clock?: Clock;
}

interface Request {
  readonly ops: readonly WriteOp[];
  /** Of those that are stored already: what is too much for one batch takes several. */
  readonly results: WriteResult[];
  resolve(results: readonly WriteResult[]): void;
  reject(error: StoreError): void;
}

/** Writes in one batch, so that the event loop is not held up for long. */
const MAX_BATCH_OPS = 512;
/** How long the tables may be behind what is stored, in milliseconds. */
const FLUSH_MS = 1000;
/** How often what has expired is looked for, in milliseconds. */
const SWEEP_MS = 10_000;
/** The same where the last time did not find all of it: more may expire than every tenth second removes. */
const SWEEP_AGAIN_MS = 1000;

/** Opens it; {@linkcode openWriter} of `open.ts` says what it does. */
export async function openWriter(options: WriterOptions): Promise<Writer> {
  const { dir, durable = "disk" } = options;
  const limits = withDefaults(options.limits);
  try {
    makeFolder(dir);
    using opened = new DisposableStack();
    const lock = opened.adopt(lockFolder(dir), (held) => held.close());
    const database = opened.adopt(openForWriting(dir, durable), (open) => open.close());
    const journal = opened.adopt(Journal.open(dir, durable), (open) => open.close());
    const onError = (error: Error) => options.onError(error, { during: "write" });
    const checkpoints = new Checkpoints({ database, path: databasePath(dir), onError });
    const parts = { database, journal, checkpoints };
    const transactions = new Transactions(parts, limits);
    const files = new InPlace([databasePath(dir), journalPath(dir)]);
    const writer = new SqliteWriter({ ...parts, lock, files, transactions }, options);
    opened.move();
    return writer;
  } catch (cause) {
    throw toStoreError(cause, `open data folder "${dir}"`);
  }
}

/** What a writer holds. */
interface WriterParts extends TransactionParts {
  readonly lock: DatabaseSync;
  readonly files: InPlace;
  readonly transactions: Transactions;
}

class SqliteWriter implements Writer {
  readonly durable: "memory" | "disk";
  readonly #parts: WriterParts;
  readonly #options: WriterOptions;
  readonly #clock: Clock;
  readonly #queue: Request[] = [];
  /** Those of what is queued that wait behind one that failed. */
  #behind: ReadonlySet<WriteOp> = new Set();
  #queuedOps = 0;
  /** Some were refused for want of room: fewer that would find some are not to overtake them before their caller knows. */
  #isFull = false;
  #isScheduled = false;
  #flushTimer: Timer | undefined;
  /** The last batch that was committed when the timer was set. */
  #timedFrom = 0;
  #nextSweep: number;
  #closing: Promise<void> | undefined;

  constructor(parts: WriterParts, options: WriterOptions) {
    const { clock = systemClock } = options;
    this.durable = options.durable ?? "disk";
    this.#parts = parts;
    this.#options = options;
    this.#clock = clock;
    this.#nextSweep = clock.now();
  }

  get isUp(): boolean {
    return this.#closing === undefined;
  }

  write(ops: readonly WriteOp[]): Promise<readonly WriteResult[]> {
    if (this.#closing !== undefined) return Promise.reject(unavailable("the writer was closed"));
    if (this.#isFull || this.#queuedOps + ops.length > MAX_QUEUED_WRITES) {
      this.#isFull = this.#queue.length > 0;
      return Promise.reject(unavailable(`${MAX_QUEUED_WRITES} writes wait already`));
    }
    this.#queuedOps += ops.length;
    const { promise, resolve, reject } = Promise.withResolvers<readonly WriteResult[]>();
    this.#queue.push({ ops, results: [], resolve, reject });
    this.#schedule();
    return promise;
  }

  async flush(): Promise<void> {
    if (this.#closing !== undefined) return;
    try {
      this.#parts.transactions.flush();
    } catch (cause) {
      throw unavailable(cause instanceof Error ? cause.message : String(cause), cause);
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #schedule(): void {
    if (this.#isScheduled || this.#queue.length === 0) return;
    this.#isScheduled = true;
    // After the turn, not in it: what other connections ask for in it comes along, and while a batch is stored the next
    // one gathers by itself. To wait on purpose for more has been measured, and only cost latency.
    setImmediate(() => this.#run());
  }

  #run(): void {
    this.#isScheduled = false;
    this.#isFull = false;
    this.#store();
    this.#schedule();
    this.#flushSoon();
  }

  /** The tables take what is stored before long, also when nobody reads it. */
  #flushSoon(): void {
    const { isPending, applied } = this.#parts.transactions;
    if (this.#closing || !isPending || (this.#flushTimer && this.#timedFrom === applied)) return;
    this.#flushTimer?.cancel();
    this.#timedFrom = applied;
    this.#flushTimer = this.#clock.after(FLUSH_MS, () => {
      this.#flushTimer = undefined;
      try {
        this.#parts.transactions.flush();
      } catch (cause) {
        this.#options.onError(toStoreError(cause, `write to data folder "${this.#options.dir}"`), {
          during: "write",
        });
      }
      this.#flushSoon();
    });
  }

  /** Stores the first of what is queued. */
  #store(): void {
    const requests = this.#next();
    if (requests.length === 0) return;
    const now = this.#clock.wallNow();
    this.#sweep(now);
    try {
      this.#parts.files.check();
      const ops = requests.flatMap(({ ops, results }) =>
        results.length > 0 ? ops.slice(results.length) : ops,
      );
      const { results, delivered, failures } = this.#parts.transactions.run(ops, now, this.#behind);
      this.#settle(requests, results);
      if (failures.length > 0 || this.#behind.size > 0) this.#findBehind(ops, results);
      for (const failure of failures) this.#options.onError(failure, { during: "write" });
      this.#hint(delivered);
    } catch (cause) {
      const error = unavailable(cause instanceof Error ? cause.message : String(cause), cause);
      // What waits behind it fails with it: a sender's later message is not to overtake one that goes again.
      const failed = [...this.#queue];
      this.#remove(failed.length);
      this.#behind = new Set();
      for (const { reject } of failed) reject(error);
      this.#options.onError(error, { during: "write" });
    }
  }

  /** The requests at the head of the queue that go into one batch, at least one. */
  #next(): readonly Request[] {
    let count = 0;
    let ops = 0;
    for (const request of this.#queue) {
      if (count > 0 && ops + request.ops.length > MAX_BATCH_OPS) break;
      count += 1;
      ops += request.ops.length;
    }
    return this.#queue.slice(0, count);
  }

  /** Gives results to the requests they belong to. Requests that have not all of theirs stay at the head of the queue. */
  #settle(requests: readonly Request[], results: readonly WriteResult[]): void {
    let start = 0;
    let finished = 0;
    for (const request of requests) {
      const end = start + request.ops.length - request.results.length;
      request.results.push(...results.slice(start, end));
      start = Math.min(end, results.length);
      if (request.results.length < request.ops.length) break;
      finished += 1;
    }
    this.#remove(finished);
    for (const { resolve, results: all } of requests.slice(0, finished)) resolve(all);
  }

  /** Finds what waits behind sends that failed: a sender's later message is not to overtake one that goes again. */
  #findBehind(ops: readonly WriteOp[], results: readonly WriteResult[]): void {
    const failed = new Set<string>();
    for (const [index, { type }] of results.entries()) {
      const op = ops[index];
      if (type === "failed" && op?.type === "send") failed.add(orderOf(op.message));
    }
    const queued = this.#queue.flatMap((request) => request.ops.slice(request.results.length));
    this.#behind = new Set(
      queued.filter((op) => this.#behind.has(op) || (op.type === "send" && failed.has(orderOf(op.message)))),
    );
  }

  #remove(count: number): void {
    for (const { ops } of this.#queue.splice(0, count)) this.#queuedOps -= ops.length;
  }

  /** What is not swept now is swept later: a failure holds up no writes. */
  #sweep(wallNow: number): void {
    const now = this.#clock.now();
    if (now < this.#nextSweep) return;
    this.#nextSweep = now + SWEEP_MS;
    try {
      if (this.#parts.transactions.sweep(wallNow)) this.#nextSweep = now + SWEEP_AGAIN_MS;
    } catch (cause) {
      this.#options.onError(toStoreError(cause, `sweep data folder "${this.#options.dir}"`), {
        during: "write",
      });
    }
  }

  #hint(delivered: readonly Delivered[]): void {
    for (const { user, line } of delivered) {
      try {
        this.#options.hint(user, line);
      } catch (thrown) {
        this.#options.onError(toStoreError(thrown, `hint to ${user}`), { during: "hint" });
      }
    }
  }

  async #close(): Promise<void> {
    while (this.#queue.length > 0) this.#store();
    this.#flushTimer?.cancel();
    const { lock, database, journal, checkpoints, transactions } = this.#parts;
    // They are given back from the last: the lock when nothing is open any more.
    await using held = new AsyncDisposableStack();
    held.adopt(lock, (one) => one.close());
    held.adopt(database, (one) => one.close());
    held.adopt(journal, (one) => one.close());
    held.adopt(checkpoints, (one) => one.close());
    try {
      transactions.flush();
      await checkpoints.close();
      database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
      journal.clear();
    } catch (cause) {
      // Nothing is lost: the journal and the WAL stay and are read again at the next start.
      this.#options.onError(toStoreError(cause, `close data folder "${this.#options.dir}"`), {
        during: "close",
      });
    }
  }
}

function unavailable(reason: string, cause?: unknown): StoreError {
  return new StoreError("unavailable", `Cannot write to the store: ${reason}`, { cause });
}
