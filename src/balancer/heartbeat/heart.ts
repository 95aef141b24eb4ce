import { type Clock, DeadlineError, type Timer } from "../../async/mod.ts";
import type { BackendState } from "../contract.ts";
import { fewWords } from "../counters.ts";
import type { Backend } from "../pool/backend.ts";
import type { Pool } from "../pool/pool.ts";
import { noProbe, type Probe, type ProbeAnswer } from "../probe/mod.ts";
import { nextProbeDelayMs, probeTimeoutMs } from "./heartbeat.ts";
import { remembering } from "./history.ts";
import type { Pacer } from "./pacer.ts";

/** What the hearts of a pool share. */
export interface Circulation {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly random: () => number;
  readonly pacer: Pacer;
  /** How backends are asked now. */
  probe: Probe;
  readonly onChange: ((backend: Backend, from: BackendState, to: BackendState) => void) | undefined;
  readonly onMiss: ((backend: Backend, reason: unknown) => void) | undefined;
}

/** A timer that fires so much too late, in milliseconds, tells that the process stood still: answers may lie there unread, */
const MAX_LAG_MS = 100;
/** and so it is waited for so much longer. */
const READING_MS = 100;

/** The heartbeat of one backend. */
export class Heart {
  readonly #backend: Backend;
  readonly #shared: Circulation;
  #controller = new AbortController();
  #timer: Timer;
  /** Undefined before the first one. */
  #sentAt: number | undefined;
  /** The wait for an answer to the last heartbeat is not over. */
  #isWaiting = false;
  /** The probe under way. */
  #probe: Promise<void> | undefined;
  /** It was started for an older heartbeat than the last one. */
  #isStandIn = false;

  constructor(backend: Backend, shared: Circulation, delayMs: number) {
    this.#backend = backend;
    this.#shared = shared;
    this.#timer = shared.clock.after(delayMs, () => this.#due());
  }

  /** Resolves when the probe under way is over. */
  async stop(): Promise<void> {
    this.#controller.abort();
    this.#timer.cancel();
    await this.#probe;
  }

  /** The intervals are others: the next heartbeat is sent when it is due by the new ones. One that is waited for is waited for. */
  reschedule(): void {
    if (this.#isWaiting || this.#sentAt === undefined) return;
    this.#timer.cancel();
    this.#schedule(this.#sentAt);
  }

  /** Gives up what is under way, and asks anew if it is waited for. Resolves when the old one is over. */
  async restart(): Promise<void> {
    const old = this.#probe;
    this.#controller.abort();
    this.#controller = new AbortController();
    this.#probe = undefined;
    this.#isStandIn = false;
    if (this.#isWaiting) this.#ask();
    await old;
  }

  #due(): void {
    const delayMs = this.#shared.pacer.take();
    if (delayMs > 0) this.#timer = this.#shared.clock.after(delayMs, () => this.#send());
    else this.#send();
  }

  #send(): void {
    const { pool, clock, probe } = this.#shared;
    pool.beat(this.#backend, "sent");
    if (probe !== noProbe) this.#backend.counters.probes += 1;
    this.#sentAt = clock.now();
    this.#isWaiting = true;
    const timeoutMs = probeTimeoutMs(this.#backend.health, pool.heartbeat);
    const until = this.#sentAt + timeoutMs;
    this.#timer = clock.after(timeoutMs, () => this.#late(until, timeoutMs));
    this.#isStandIn = this.#probe !== undefined;
    if (!this.#isStandIn) this.#ask();
  }

  #late(until: number, timeoutMs: number): void {
    const { clock } = this.#shared;
    const miss = (): void =>
      this.#miss(new DeadlineError(`Cannot probe ${this.#backend.name}: no answer within ${timeoutMs} ms`));
    if (clock.now() - until > MAX_LAG_MS) this.#timer = clock.after(READING_MS, miss);
    else miss();
  }

  #ask(): void {
    const { signal } = this.#controller;
    const { pool, clock, probe } = this.#shared;
    const timeoutMs = probeTimeoutMs(this.#backend.health, pool.heartbeat);
    const askedAt = clock.now();
    this.#probe = Promise.try(probe, this.#backend, { signal, timeoutMs }).then(
      (answer) => {
        if (signal.aborted) return;
        this.#probe = undefined;
        if (probe !== noProbe) this.#hear(answer, clock.now() - askedAt);
        this.#report("answered");
      },
      (reason: unknown) => {
        if (signal.aborted) return;
        this.#probe = undefined;
        if (this.#isStandIn && this.#isWaiting) {
          // What became of an older probe says nothing about this heartbeat, which now gets its own.
          this.#isStandIn = false;
          this.#ask();
        } else this.#miss(reason);
      },
    );
  }

  #hear(answer: ProbeAnswer, tookMs: number): void {
    const { counters } = this.#backend;
    counters.heartbeats = remembering(counters.heartbeats, true);
    counters.heartbeatSeconds.add(tookMs / 1000);
    counters.lastError = undefined;
    this.#tell(() => this.#shared.pool.report(this.#backend, answer));
  }

  #miss(reason: unknown): void {
    if (!this.#isWaiting || this.#controller.signal.aborted) return;
    const { counters } = this.#backend;
    counters.misses += 1;
    counters.heartbeats = remembering(counters.heartbeats, false);
    counters.lastError = fewWords(reason);
    this.#shared.onMiss?.(this.#backend, reason);
    this.#report("overdue");
  }

  #report(event: "answered" | "overdue"): void {
    const { signal } = this.#controller;
    if (signal.aborted) return;
    this.#tell(() => this.#shared.pool.beat(this.#backend, event));
    // Whoever was told may have stopped us.
    if (signal.aborted) return;
    this.#isWaiting = false;
    this.#timer.cancel();
    this.#schedule(this.#sentAt ?? 0);
  }

  #tell(change: () => void): void {
    const from = this.#backend.state();
    change();
    const to = this.#backend.state();
    if (from !== to) this.#shared.onChange?.(this.#backend, from, to);
  }

  #schedule(sentAt: number): void {
    const { pool, clock, random } = this.#shared;
    const dueAt = sentAt + nextProbeDelayMs(this.#backend.health, random, pool.heartbeat);
    this.#timer = clock.after(Math.max(0, dueAt - clock.now()), () => this.#due());
  }
}
