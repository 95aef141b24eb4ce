import type { DatabaseSync } from "node:sqlite";
import { orderOf } from "../contract.ts";
import type { StoreLimits } from "../limits.ts";
import { Applier } from "./apply.ts";
import { toStoreError } from "./error.ts";
import type { Delivered } from "./inboxes.ts";
import type { WriteOp, WriteResult } from "./write.ts";

/** Inbox entries that end a transaction: a message to a large group makes many, and nobody else is served meanwhile. */
const MAX_ENTRIES = 2000;

/** A sender's later message is not to overtake one that goes again. */
const BEHIND: WriteResult = { type: "failed", reason: "a message before it could not be written" };

/** What came of a transaction that was committed. */
export interface Committed {
  /** One for each write that was carried out, in order: the first ones of those asked for, one at least. */
  readonly results: readonly WriteResult[];
  /** The new inbox entries, in order. */
  readonly delivered: readonly Delivered[];
  /** Why the writes that are `failed` are. */
  readonly failures: readonly Error[];
}

/** Carries out writes, many in one transaction. */
export class Transactions {
  readonly #database: DatabaseSync;
  readonly #applier: Applier;

  constructor(database: DatabaseSync, limits: Required<StoreLimits>) {
    this.#database = database;
    this.#applier = new Applier(database, limits);
  }

  /**
   * Carries out `ops` in one transaction, or the first of them if they are too much for one. A write that cannot be done is `failed`, and
   * so are the later ones of its order; the others are stored all the same.
   *
   * @param now Wall time in milliseconds.
   * @param behind Those of `ops` that are not to be done, since one before them failed in an earlier transaction.
   * @throws When the transaction as a whole fails: nothing of it is stored.
   */
  run(ops: readonly WriteOp[], now: number, behind: ReadonlySet<WriteOp>): Committed {
    // Savepoints cost time, and hardly ever is one needed: so only where the writes cannot be done together.
    const together = behind.size === 0 ? this.#transaction(() => this.#applyTogether(ops, now)) : undefined;
    return together ?? this.#transaction(() => this.#applyApart(ops, now, behind));
  }

  /**
   * Removes some of what has expired at wall time `now`.
   *
   * @throws When it fails: nothing of it is done.
   */
  sweep(now: number): void {
    this.#transaction(() => this.#applier.sweep(now));
  }

  /** @returns Undefined when one of them failed: nothing was written. */
  #applyTogether(ops: readonly WriteOp[], now: number): Committed | undefined {
    const results: WriteResult[] = [];
    const delivered: Delivered[] = [];
    try {
      for (const op of ops) {
        results.push(this.#applier.apply(op, now, delivered));
        if (delivered.length >= MAX_ENTRIES) break;
      }
      this.#applier.save();
      this.#applier.trim(delivered.length);
      return { results, delivered, failures: [] };
    } catch {
      // It fails again when it is done apart, and is reported then.
      this.#rollback();
      return undefined;
    }
  }

  #applyApart(ops: readonly WriteOp[], now: number, behind: ReadonlySet<WriteOp>): Committed {
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

  #transaction<T>(body: () => T): T {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      const result = body();
      if (this.#database.isTransaction) this.#database.exec("COMMIT");
      return result;
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

/** Undefined where it has none to keep. */
function orderIn(op: WriteOp): string | undefined {
  return op.type === "send" ? orderOf(op.message) : undefined;
}

function toResult(done: WriteResult | Error): WriteResult {
  return done instanceof Error ? { type: "failed", reason: done.message } : done;
}
