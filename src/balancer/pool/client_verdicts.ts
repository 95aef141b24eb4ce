import type { Clock } from "../../async/mod.ts";
import type { BackendState } from "../contract.ts";
import { beat, beatByClients, type Health, type HeartbeatOptions } from "../heartbeat/heartbeat.ts";
import type { BackendRecord } from "./backend.ts";
import { Suspension } from "./suspension.ts";

/** The pool whose backends are judged. */
export interface JudgedPool {
  heartbeat(): HeartbeatOptions;
  /** How many backends could serve if they were neither held nor full. */
  usable(): number;
  setHealth(record: BackendRecord, health: Health): void;
  /** A backend was held or released, and was in the state `from` before. */
  changed(record: BackendRecord, from: BackendState): void;
}

/** Judges the backends of a pool by what becomes of their clients: see `Pool.failed`. */
export class ClientVerdicts {
  readonly #pool: JudgedPool;
  readonly #suspension: Suspension<BackendRecord>;

  constructor(clock: Clock, pool: JudgedPool) {
    this.#pool = pool;
    this.#suspension = new Suspension(clock, (record) => {
      const from = record.state();
      this.#suspension.release(record);
      pool.changed(record, from);
    });
  }

  /** A client could not be connected. */
  failed(record: BackendRecord): void {
    const heartbeat = this.#pool.heartbeat();
    const judge = record.hasMissed ? beat : beatByClients;
    this.#pool.setHealth(record, judge(record.health, "failed", heartbeat));
    if (record.health.verdict === "down" || !this.#suspension.failed(record, heartbeat)) return;
    if ((this.#suspension.held + 1) * 2 > this.#pool.usable()) return;
    const from = record.state();
    this.#suspension.hold(record);
    this.#pool.changed(record, from);
  }

  /** A client was connected. */
  connected(record: BackendRecord): void {
    this.#suspension.served(record);
  }

  /** Its heartbeat alone decides now; who calls tells of the change. */
  release(record: BackendRecord): void {
    this.#suspension.release(record);
  }

  /** Forgets all about a backend that is removed. */
  forget(record: BackendRecord): void {
    this.#suspension.forget(record);
  }
}
