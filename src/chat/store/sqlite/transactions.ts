import type { DatabaseSync } from "node:sqlite";
import type { StoreLimits } from "../limits.ts";
import type { WriteOp, WriteResult } from "../write.ts";
import { Applier } from "./apply.ts";
import { toStoreError } from "./error.ts";
import type { Delivered } from "./inboxes.ts";

/** What came of a transaction that was committed. */
export interface Committed {
  /** One for each write, in order. */
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
   * Carries out `ops` in one transaction. A write that cannot be done is `failed`; the others are stored all the same.
   *
   * @param sweepAt When given, some of what has expired at that wall time is removed as well.
   * @throws When the transaction as a whole fails: nothing of it is stored.
   */
  run(ops: readonly WriteOp[], sweepAt: number | undefined): Committed {
    if (sweepAt !== undefined) this.#transaction(() => this.#applier.sweep(sweepAt));
    // Savepoints cost time, and hardly ever is one needed: so only where the writes cannot be done together.
    return (
      this.#transaction(() => this.#applyTogether(ops)) ?? this.#transaction(() => this.#applyApart(ops))
    );
  }

  /** @returns Undefined when one of them failed: nothing was written. */
  #applyTogether(ops: readonly WriteOp[]): Committed | undefined {
    const delivered: Delivered[] = [];
    try {
      const results = ops.map((op) => this.#applier.apply(op, delivered));
      return { results, delivered, failures: [] };
    } catch {
      // It fails again when it is done apart, and is reported then.
      this.#rollback();
      return undefined;
    }
  }

  #applyApart(ops: readonly WriteOp[]): Committed {
    const delivered: Delivered[] = [];
    const failures: Error[] = [];
    const results = ops.map((op): WriteResult => {
      const deliveredBefore = delivered.length;
      this.#database.exec("SAVEPOINT op");
      try {
        return this.#applier.apply(op, delivered);
      } catch (cause) {
        // Some failures end the whole transaction; then this throws, too.
        this.#database.exec("ROLLBACK TO op");
        this.#applier.forget();
        delivered.length = deliveredBefore;
        const failure = toStoreError(cause, `write "${op.type}"`);
        failures.push(failure);
        return { type: "failed", reason: failure.message };
      } finally {
        this.#database.exec("RELEASE op");
      }
    });
    return { results, delivered, failures };
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
