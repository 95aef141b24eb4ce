/**
 * Connections that do nothing but live until they are ended, in a table whose time stands still until told to go on.
 *
 * @module
 */
import { ManualClock } from "../../../src/async/mod.ts";
import type { TableEntry, Traffic } from "../../../src/balancer/connection/contract.ts";
import { ConnectionTable } from "../../../src/balancer/connection/table.ts";
import type { EndReason } from "../../../src/balancer/end_reason.ts";
import type { Backend } from "../../../src/balancer/pool/backend.ts";

/** What a connection does when it is closed: it is over at once, or does not mind before it is aborted. */
export type Manner = "polite" | "stubborn";

/** A connection of which a test says what happens. */
export class Line implements Traffic {
  bytesIn = 0;
  bytesOut = 0;
  activeAt: number;
  /** When it was closed and aborted. */
  readonly closedAt: number[] = [];
  readonly abortedAt: number[] = [];
  readonly entry: TableEntry;
  readonly #clock: ManualClock;
  readonly #manner: Manner;
  /** Why it is over; undefined while it is not. */
  reason: EndReason | undefined;

  constructor(table: ConnectionTable, clock: ManualClock, backend: Backend, manner: Manner) {
    this.#clock = clock;
    this.#manner = manner;
    this.activeAt = clock.now();
    const client = "198.51.100.7:50000";
    this.entry = table.add({
      frontend: "main",
      pool: "default",
      backend,
      client,
      transport: "tcp",
      traffic: this,
    });
  }

  close(): void {
    this.closedAt.push(this.#clock.now());
    if (this.#manner === "polite") this.leave("failed");
  }

  abort(): void {
    this.abortedAt.push(this.#clock.now());
    this.leave("failed");
  }

  /** It is over by itself. */
  leave(reason: EndReason = "finished"): void {
    this.reason = this.entry.over(reason);
  }
}

/** A table, its time, and a way to put connections into it. */
export class World {
  readonly clock: ManualClock = new ManualClock();
  readonly table: ConnectionTable = new ConnectionTable(this.clock);
  readonly lines: Line[] = [];

  /** Puts `count` connections of a backend into the table. */
  connect(backend: Backend, count: number, manner: Manner = "polite"): Line[] {
    const lines = Array.from({ length: count }, () => new Line(this.table, this.clock, backend, manner));
    this.lines.push(...lines);
    return lines;
  }

  /** When each connection that was closed was closed, in that order. */
  get closings(): number[] {
    return this.lines.flatMap(({ closedAt }) => closedAt).sort((one, other) => one - other);
  }

  /** How often each reason has ended a connection. */
  get reasons(): Partial<Record<EndReason, number>> {
    const reasons: Partial<Record<EndReason, number>> = {};
    for (const { reason } of this.lines) if (reason) reasons[reason] = (reasons[reason] ?? 0) + 1;
    return reasons;
  }
}

/** What has become of a promise, once all that has settled was heard of. */
export async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  void promise.then(() => {
    settled = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  return settled;
}

/** The most of `times` that are in any stretch of `ms`. */
export function densest(times: readonly number[], ms: number): number {
  let most = 0;
  for (const [first, start] of times.entries()) {
    const end = times.findIndex((time) => time >= start + ms);
    most = Math.max(most, (end < 0 ? times.length : end) - first);
  }
  return most;
}

/** Draws that are the same in every run. */
export function draws(seed: number = 1): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}
