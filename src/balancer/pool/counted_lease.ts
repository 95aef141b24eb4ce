import type { BackendRecord } from "./backend.ts";
import type { Lease } from "./pool.ts";

/** A lease that gives its place back once. */
export class CountedLease implements Lease {
  readonly backend: BackendRecord;
  readonly #giveBack: (record: BackendRecord) => void;
  #isHeld = true;

  constructor(backend: BackendRecord, giveBack: (record: BackendRecord) => void) {
    this.backend = backend;
    this.#giveBack = giveBack;
  }

  [Symbol.dispose](): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#giveBack(this.backend);
  }
}
