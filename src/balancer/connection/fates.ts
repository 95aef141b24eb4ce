import type { ClosingReason } from "../end_reason.ts";
import type { Backend } from "../pool/backend.ts";
import type { Pool } from "../pool/pool.ts";
import type { TableEntry } from "./contract.ts";
import { isServingState, watchServing } from "./serving.ts";
import type { Spread } from "./spread.ts";
import type { ConnectionTable } from "./table.ts";

/** What becomes of connections: they go on, are closed at once, or closed evenly over a time. */
export type Fate = "keep" | "close" | { readonly spreadMs: number };

/** What becomes of a backend's connections when something happens to it. @default {"keep"} for each */
export interface Fates {
  /** Those of a backend that goes down. Called off when it comes back before all were closed. */
  readonly down?: Fate | undefined;
  /** Those of a backend that is removed. */
  readonly removed?: Fate | undefined;
  /** Those that a backend has kept while it was down, when it comes back. */
  readonly up?: Fate | undefined;
  /** Those on backups, when a backend that is none comes to serve. */
  readonly backup?: Fate | undefined;
}

/**
 * Closes connections as is wished when a backend goes down, is removed or comes back, until disposed.
 *
 * - A connection that comes to a backend after it went down or was removed, because it was being dialed, shares the fate of the others.
 * - What happens to a backend that is drained or disabled is not noticed before it is enabled again.
 * - Disposing calls off what is under way; the connections that are left go on.
 *
 * @param fates Asked for each time that something happens.
 */
export function watchFates(pool: Pool, table: ConnectionTable, fates: () => Fates): Disposable {
  const running = new RunningFates(table);
  const watch = watchServing(pool, {
    onDown(backend) {
      if (!hasRegular(pool)) running.callOff("backup_released");
      running.decide(fates().down, backend, "backend_down");
    },
    onRemove: (backend) => running.decide(fates().removed, backend, "backend_removed"),
    onRisen(backend) {
      running.callOff("backend_down", backend);
      running.decide(fates().up, backend, "backend_up");
    },
    onServing({ backup }) {
      if (backup) return;
      for (const other of pool.backends())
        if (other.backup) running.decide(fates().backup, other, "backup_released");
    },
  });
  return {
    [Symbol.dispose]() {
      watch[Symbol.dispose]();
      running[Symbol.dispose]();
    },
  };
}

/** Whether any backend serves that is no backup. */
function hasRegular(pool: Pool): boolean {
  for (const backend of pool.backends()) if (!backend.backup && isServingState(backend.state())) return true;
  return false;
}

type FateReason = Extract<
  ClosingReason,
  "backend_down" | "backend_removed" | "backend_up" | "backup_released"
>;

interface Decision {
  readonly reason: FateReason;
  readonly spread: Spread;
}

/** The closings that are under way, one for a backend. */
class RunningFates implements Disposable {
  readonly #table: ConnectionTable;
  readonly #decisions = new Map<Backend, Decision>();

  constructor(table: ConnectionTable) {
    this.#table = table;
  }

  /** Decides about the connections of a backend; goes before what was decided earlier. */
  decide(fate: Fate | undefined, backend: Backend, reason: FateReason): void {
    if (fate === undefined || fate === "keep") return;
    this.#decisions.get(backend)?.spread[Symbol.dispose]();
    const spreadMs = fate === "close" ? 0 : fate.spreadMs;
    const spread = this.#table.closeSpread(this.#selection(backend, reason), {
      reason,
      deadlineMs: spreadMs,
      overMs: spreadMs,
      coming: isForAll(reason)
        ? () => backend.active - backend.elsewhere - this.#table.of(backend).size
        : undefined,
    });
    const decision = { reason, spread };
    this.#decisions.set(backend, decision);
    // Never rejects; ends with the spread, which dispose() ends.
    void spread.done.then(() => this.#forget(backend, decision));
  }

  /** Takes back what was decided for a reason, of one backend or of all. */
  callOff(reason: FateReason, only?: Backend): void {
    for (const [backend, decision] of this.#decisions)
      if (decision.reason === reason && (only === undefined || backend === only))
        decision.spread[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    for (const { spread } of this.#decisions.values()) spread[Symbol.dispose]();
  }

  #forget(backend: Backend, decision: Decision): void {
    if (this.#decisions.get(backend) === decision) this.#decisions.delete(backend);
  }

  #selection(backend: Backend, reason: FateReason): () => Iterable<TableEntry> {
    const all = this.#table.of(backend);
    if (isForAll(reason)) return () => all;
    const there = [...all];
    return () => there.filter(({ state }) => state !== "over");
  }
}

/** Whether it is about those that come later, too: a backend that serves is to keep its new ones. */
function isForAll(reason: FateReason): boolean {
  switch (reason) {
    case "backend_down":
    case "backend_removed":
      return true;
    case "backend_up":
    case "backup_released":
      return false;
  }
}
