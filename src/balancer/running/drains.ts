import type { SpreadProgress, TableEntry } from "../connection/contract.ts";
import { lastPartMs, type Spread } from "../connection/spread.ts";
import { CLOSE_GRACE_MS, type ConnectionTable } from "../connection/table.ts";

/** What drains. A backend's name is unique in its pool alone. */
export interface DrainTarget {
  readonly kind: "backend" | "pool" | "frontend" | "process";
  readonly name: string;
  readonly pool?: string | undefined;
}

/** A drain that is under way. */
export type DrainProgress = DrainTarget & SpreadProgress;

/** Whose connections a drain ends. */
export interface DrainSelection {
  /** What it is that drains: another one may have its name. */
  readonly of: object;
  select(): Iterable<TableEntry>;
  /** How many are on their way and will be selected. @default {none} */
  coming?(): number;
  /**
   * Asks their servers to end them within so many milliseconds. Then only those that are left at the deadline are ended here.
   *
   * @default {all are ended here}
   */
  tell?: ((graceMs: number) => void) | undefined;
}

interface Running {
  readonly target: DrainTarget;
  readonly spread: Spread;
  readonly done: Promise<void>;
}

/** The last part of a deadline, for clients that were closed to be gone: at most {@linkcode CLOSE_GRACE_MS}. */
const LEAVING_PART = 0.1;

/** Every drain that is under way. A new one of the same takes the place of the old one. */
export class Drains implements Disposable {
  readonly #table: ConnectionTable;
  readonly #running = new Map<object, Running>();

  constructor(table: ConnectionTable) {
    this.#table = table;
  }

  /**
   * Closes what is selected in order, over the last part of the deadline (see {@linkcode lastPartMs}) but for its end, or has it closed
   * by the servers until then, and aborts at the deadline what is left even so. Whoever calls has seen to it that no new clients come.
   *
   * @returns What settles when nothing is left, or the drain was called off.
   */
  start(target: DrainTarget, selection: DrainSelection, deadlineMs: number): Promise<void> {
    const previous = this.#running.get(selection.of);
    const closeMs = deadlineMs - Math.min(CLOSE_GRACE_MS, deadlineMs * LEAVING_PART);
    const isTold = selection.tell !== undefined;
    selection.tell?.(closeMs);
    const spread = this.#table.closeSpread(() => selection.select(), {
      reason: "drained",
      deadlineMs: isTold ? deadlineMs : closeMs,
      overMs: isTold ? 0 : Math.min(closeMs, lastPartMs(deadlineMs)),
      coming: () => selection.coming?.() ?? 0,
    });
    const timer = this.#table.clock.after(deadlineMs, () => {
      for (const entry of [...selection.select()]) {
        entry.end("drained");
        entry.traffic.abort();
      }
    });
    const done = spread.done.then(() => {
      timer.cancel();
      if (this.#running.get(selection.of)?.spread === spread) this.#running.delete(selection.of);
    });
    this.#running.set(selection.of, { target, spread, done });
    previous?.spread[Symbol.dispose]();
    return done;
  }

  /** When the drain of something is over, as of {@linkcode start}; undefined when there is none. */
  endOf(of: object): Promise<void> | undefined {
    return this.#running.get(of)?.done;
  }

  /** How long the drain of something will still take at most, in milliseconds; undefined when there is none. */
  remainingMs(of: object): number | undefined {
    return this.#running.get(of)?.spread.progress.remainingMs;
  }

  /** Calls a drain off: what is left goes on. Does nothing where there is none. */
  stop(of: object): void {
    this.#running.get(of)?.spread[Symbol.dispose]();
  }

  list(): DrainProgress[] {
    return Array.from(this.#running.values(), ({ target, spread }) => ({ ...target, ...spread.progress }));
  }

  [Symbol.dispose](): void {
    for (const { spread } of this.#running.values()) spread[Symbol.dispose]();
  }
}
