import type { DatabaseSync, StatementSync } from "node:sqlite";
import { orderOf } from "../contract.ts";
import type { StoreLimits } from "../limits.ts";
import { Applier } from "./apply.ts";
import type { Checkpoints } from "./checkpoints.ts";
import { toStoreError } from "./error.ts";
import type { Delivered } from "./inboxes.ts";
import type { Batch, Journal } from "./journal.ts";
import { numberIn } from "./row.ts";
import { randomSeed, type Seed, Stamps } from "./stamps.ts";
import type { WriteOp, WriteResult } from "./write.ts";

/** Inbox entries that end a batch: a message to a large group makes many, and nobody else is served meanwhile. */
const MAX_ENTRIES = 2000;
/** Inbox entries and bytes of the journal that wait for their commit at most, about: it takes time, and nobody is served meanwhile. */
const MAX_PENDING_ENTRIES = 8000;
const MAX_PENDING_BYTES = 1024 * 1024;

/** A sender's later message is not to overtake one that goes again. */
const BEHIND: WriteResult = { type: "failed", reason: "a message before it could not be written" };

/** What {@linkcode Transactions} works with. */
export interface TransactionParts {
  readonly database: DatabaseSync;
  readonly journal: Journal;
  readonly checkpoints: Checkpoints;
}

/** What came of a batch that is stored. */
export interface Stored {
  /** One for each write that was carried out, in order: the first ones of those asked for, one at least. */
  readonly results: readonly WriteResult[];
  /** The new inbox entries, in order. */
  readonly delivered: readonly Delivered[];
  /** Why the writes that are `failed` are, and why the journal did not take the batch. */
  readonly failures: readonly Error[];
}

/**
 * Carries out writes, many in one transaction.
 *
 * A batch of messages and what was seen of them is stored once the journal has it; its transaction stays open for those that follow. Any other batch is
 * stored by the commit, and so are all before it. When a transaction is taken back, the next one begins with what the journal has.
 */
export class Transactions {
  readonly #database: DatabaseSync;
  readonly #journal: Journal;
  readonly #checkpoints: Checkpoints;
  readonly #stamps = new Stamps();
  readonly #applier: Applier;
  readonly #setApplied: StatementSync;
  #applied: number;
  /** The number of the last batch that is stored. */
  #last: number;
  #pendingEntries = 0;
  /**
   * A commit has failed, and a start might still find it on the disk, until the next one is written in its place: so might the journal's next number
   * be taken for one that the tables have.
   */
  #isInDoubt = false;

  /** Commits what the journal has. @throws {StoreError} `damaged` when it does not go with the database. */
  constructor({ database, journal, checkpoints }: TransactionParts, limits: Required<StoreLimits>) {
    this.#database = database;
    this.#journal = journal;
    this.#checkpoints = checkpoints;
    this.#applier = new Applier(database, limits, this.#stamps);
    this.#setApplied = database.prepare("UPDATE journal SET applied = ?");
    this.#applied = numberIn({ ...database.prepare("SELECT applied FROM journal").get() }, "applied");
    this.#last = this.#applied;
    this.#begin();
    this.#orRollback(() => this.#commit(this.#replay(Number.MAX_SAFE_INTEGER)));
    // What it held and the tables did not take must not be found behind the next batches, where its numbers may go on.
    this.#journal.clear();
  }

  /** The number of the last batch that is committed. */
  get applied(): number {
    return this.#applied;
  }

  /** Whether something is stored that the database has not committed. */
  get isPending(): boolean {
    return this.#last > this.#applied;
  }

  /**
   * Carries out `ops` as one batch, or the first of them if they are too much for one. A write that cannot be done is `failed`, and
   * so are the later ones of its order; the others are stored all the same.
   *
   * @param now Wall time in milliseconds.
   * @param behind Those of `ops` that are not to be done, since one before them failed in an earlier batch.
   * @throws When the batch as a whole fails: nothing of it is stored.
   */
  run(ops: readonly WriteOp[], now: number, behind: ReadonlySet<WriteOp>): Stored {
    if (this.#pendingEntries >= MAX_PENDING_ENTRIES || this.#journal.bytes >= MAX_PENDING_BYTES) this.flush();
    // Savepoints cost time, and hardly ever is one needed: so only where the writes cannot be done together.
    const together = behind.size === 0 ? this.#runTogether(ops, now) : undefined;
    return together ?? this.#runDirectly(() => this.#applyApart(ops, now, behind));
  }

  /** Commits what is stored. @throws When it fails: it stays stored. */
  flush(): void {
    if (!this.isPending) return;
    this.#begin();
    this.#orRollback(() => this.#commit(this.#last));
  }

  /**
   * Removes some of what has expired at wall time `now`.
   *
   * @returns Whether there may well be more.
   * @throws When it fails: nothing of it is done.
   */
  sweep(now: number): boolean {
    return this.#runDirectly(() => this.#applier.sweep(now));
  }

  /** @returns Undefined when one of them failed: nothing was written. */
  #runTogether(ops: readonly WriteOp[], now: number): Stored | undefined {
    this.#begin();
    try {
      const seed = randomSeed();
      const { results, delivered } = this.#apply(ops, now, seed);
      const trimmed = this.#applier.trim(delivered.length);
      const batch = { number: this.#last + 1, now, seed, ops: ops.slice(0, results.length), trimmed };
      const mayBeNoted = !this.#isInDoubt && batch.ops.every(isOfMessages);
      const failure = mayBeNoted ? this.#note(batch) : undefined;
      if (this.#last === batch.number) this.#pendingEntries += delivered.length;
      else this.#commit(batch.number);
      return { results, delivered, failures: failure ? [failure] : [] };
    } catch {
      // It fails again when it is done apart, and is reported then.
      this.#rollback();
      return undefined;
    }
  }

  /** Puts a batch into the journal. @returns Why not, where that cannot be done. */
  #note(batch: Batch): Error | undefined {
    try {
      this.#journal.append(batch);
    } catch (cause) {
      return toStoreError(cause, "write to the journal");
    }
    this.#last = batch.number;
    return undefined;
  }

  /** Carries out the first of `ops`, as many as there is room for. */
  #apply(ops: readonly WriteOp[], now: number, seed: Seed): Pick<Stored, "results" | "delivered"> {
    const results: WriteResult[] = [];
    const delivered: Delivered[] = [];
    this.#stamps.begin(seed);
    for (const op of ops) {
      results.push(this.#applier.apply(op, now, delivered));
      if (delivered.length >= MAX_ENTRIES) break;
    }
    return { results, delivered };
  }

  #applyApart(ops: readonly WriteOp[], now: number, behind: ReadonlySet<WriteOp>): Stored {
    const results: WriteResult[] = [];
    const delivered: Delivered[] = [];
    const failures: Error[] = [];
    const failedOrders = new Set<string>();
    for (const op of ops) {
      const order = orderIn(op);
      const isBehind = behind.has(op) || (order !== undefined && failedOrders.has(order));
      const done = isBehind ? BEHIND : this.#applyAlone(op, now, delivered);
      if (done instanceof Error) failures.push(done);
      const result = toResult(done);
      if (result.type === "failed" && order !== undefined) failedOrders.add(order);
      results.push(result);
      if (delivered.length >= MAX_ENTRIES) break;
    }
    return { results, delivered, failures };
  }

  /** @returns The error when it cannot be done: it has changed nothing. */
  #applyAlone(op: WriteOp, now: number, delivered: Delivered[]): WriteResult | Error {
    const deliveredBefore = delivered.length;
    this.#database.exec("SAVEPOINT op");
    try {
      const result = this.#applier.apply(op, now, delivered);
      this.#applier.save();
      return result;
    } catch (cause) {
      // Some failures end the whole transaction; then this throws, too.
      this.#database.exec("ROLLBACK TO op");
      this.#applier.forget();
      delivered.length = deliveredBefore;
      return toStoreError(cause, `write "${op.type}"`);
    } finally {
      this.#database.exec("RELEASE op");
    }
  }

  /** A transaction of its own, after all that is stored. */
  #runDirectly<T>(body: () => T): T {
    this.flush();
    this.#begin();
    return this.#orRollback(() => {
      this.#stamps.begin(randomSeed());
      const result = body();
      this.#commit(this.#last + 1);
      return result;
    });
  }

  /** Begins a transaction, unless it is open, with all that is stored in it. */
  #begin(): void {
    if (this.#database.isTransaction) return;
    this.#database.exec("BEGIN IMMEDIATE");
    if (!this.isPending) return;
    this.#orRollback(() => {
      const last = this.#replay(this.#last);
      if (last < this.#last)
        throw new Error(`the journal has batches up to ${last} instead of ${this.#last}: it is damaged`);
    });
  }

  /** Carries out again what the journal has, up to number `last`. @returns The number of the last batch that it has. */
  #replay(last: number): number {
    let found = this.#applied;
    for (const { number, now, seed, ops, trimmed } of this.#journal.read(this.#applied, last)) {
      this.#apply(ops, now, seed);
      this.#applier.trimAgain(trimmed);
      found = number;
    }
    return found;
  }

  /** @param number That of the last batch in it. */
  #commit(number: number): void {
    this.#applier.save();
    if (number !== this.#applied) this.#setApplied.run(number);
    this.#isInDoubt = true;
    this.#database.exec("COMMIT");
    this.#isInDoubt = false;
    this.#applied = number;
    this.#last = number;
    this.#pendingEntries = 0;
    this.#journal.rewind();
    this.#checkpoints.committed();
  }

  #orRollback<T>(body: () => T): T {
    try {
      return body();
    } catch (error) {
      this.#rollback();
      throw error;
    }
  }

  #rollback(): void {
    this.#applier.forget();
    if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
  }
}

/** Whether readers who need it ask for a flush; all else is committed at once. */
function isOfMessages({ type }: WriteOp): boolean {
  return type === "send" || type === "ack" || type === "read";
}

/** Undefined where it has none to keep. */
function orderIn(op: WriteOp): string | undefined {
  return op.type === "send" ? orderOf(op.message) : undefined;
}

function toResult(done: WriteResult | Error): WriteResult {
  return done instanceof Error ? { type: "failed", reason: done.message } : done;
}
