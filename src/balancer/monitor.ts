import { type Clock, DeadlineError, systemClock, type Timer } from "../async/mod.ts";
import type { Backend } from "./backend.ts";
import type { BackendState } from "./contract.ts";
import { INTERVAL_MS, nextProbeDelayMs, probeTimeoutMs } from "./heartbeat.ts";
import type { Pool } from "./pool.ts";
import type { Probe } from "./probe/mod.ts";

/** Options for {@linkcode monitor}. */
export interface MonitorOptions {
  /** Whose backends are probed, those of now and those that come. Its `heartbeat` says how often. */
  readonly pool: Pool;
  readonly probe: Probe;
  /** @default {systemClock} */
  readonly clock?: Clock;
  /** Source of randomness, 0 up to but not including 1. @default {Math.random} */
  readonly random?: () => number;
  /** Told when a heartbeat has changed the state of a backend. Must not throw. */
  readonly onChange?: (backend: Backend, from: BackendState, to: BackendState) => void;
  /** Told why a probe got no answer. Must not throw. */
  readonly onMiss?: (backend: Backend, reason: unknown) => void;
}

/** A monitor at work. */
export interface Monitor extends AsyncDisposable {
  /** Sets no more timers, aborts the probes under way and resolves when they are over. Idempotent. */
  close(): Promise<void>;
}

/** First probes are so far apart, in milliseconds, or closer where they would not fit in an interval. */
const PACE_MS = 10;

/** The heartbeat of one backend. */
class Heart {
  readonly #backend: Backend;
  readonly #options: MonitorOptions;
  readonly #clock: Clock;
  readonly #controller = new AbortController();
  #timer: Timer;
  #sentAt = 0;
  /** The wait for an answer to the last heartbeat is not over. */
  #isWaiting = false;
  /** The probe under way. */
  #probe: Promise<void> | undefined;
  /** It was started for an older heartbeat than the last one. */
  #isStandIn = false;

  constructor(backend: Backend, options: MonitorOptions, delayMs: number) {
    this.#backend = backend;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#timer = this.#clock.after(delayMs, () => this.#send());
  }

  /** Resolves when the probe under way is over. */
  async stop(): Promise<void> {
    this.#controller.abort();
    this.#timer.cancel();
    await this.#probe;
  }

  #send(): void {
    const { pool } = this.#options;
    const timeoutMs = probeTimeoutMs(this.#backend.health, pool.heartbeat);
    pool.beat(this.#backend, "sent");
    this.#sentAt = this.#clock.now();
    this.#isWaiting = true;
    this.#timer = this.#clock.after(timeoutMs, () =>
      this.#miss(new DeadlineError(`Cannot probe ${this.#backend.name}: no answer within ${timeoutMs} ms`)),
    );
    this.#isStandIn = this.#probe !== undefined;
    if (!this.#isStandIn) this.#ask(timeoutMs);
  }

  #ask(timeoutMs: number): void {
    const { signal } = this.#controller;
    this.#probe = Promise.try(this.#options.probe, this.#backend, { signal, timeoutMs }).then(
      () => {
        this.#probe = undefined;
        this.#report("answered");
      },
      (reason: unknown) => {
        this.#probe = undefined;
        if (this.#isStandIn && this.#isWaiting && !signal.aborted) {
          // What became of an older probe says nothing about this heartbeat, which now gets its own.
          this.#isStandIn = false;
          this.#ask(timeoutMs);
        } else this.#miss(reason);
      },
    );
  }

  #miss(reason: unknown): void {
    if (!this.#isWaiting || this.#controller.signal.aborted) return;
    this.#options.onMiss?.(this.#backend, reason);
    this.#report("overdue");
  }

  #report(event: "answered" | "overdue"): void {
    const { signal } = this.#controller;
    if (signal.aborted) return;
    const { pool, onChange, random = Math.random } = this.#options;
    const from = this.#backend.state();
    pool.beat(this.#backend, event);
    const to = this.#backend.state();
    if (from !== to) onChange?.(this.#backend, from, to);
    // Whoever was told may have stopped us.
    if (signal.aborted) return;
    this.#isWaiting = false;
    this.#timer.cancel();
    const dueAt = this.#sentAt + nextProbeDelayMs(this.#backend.health, random, pool.heartbeat);
    this.#timer = this.#clock.after(Math.max(0, dueAt - this.#clock.now()), () => this.#send());
  }
}

/** Says how long the next backend waits for its first probe, in milliseconds. */
function firstProbes({ pool, clock = systemClock, random = Math.random }: MonitorOptions): () => number {
  const { intervalMs = INTERVAL_MS } = pool.heartbeat;
  let freeAt = 0;
  return () => {
    const now = clock.now();
    const delay = Math.max(0, freeAt - now);
    // Many that come one by one would queue up for longer than an interval.
    if (delay > intervalMs) return random() * intervalMs;
    freeAt = now + delay + Math.min(PACE_MS, intervalMs / pool.size);
    return delay;
  };
}

/**
 * Sends the heartbeats of a pool's backends, and tells the pool what came of them, until closed.
 *
 * - A lone new backend is probed at once; many are spread over the interval.
 * - At most one probe of a backend is under way: one that is still without an answer when the next is due goes on and stands
 *   for it, so that its answer counts however late it comes. If it fails meanwhile, the next one is started.
 * - A probe that rejects is judged at once, the others when the wait is over.
 */
export function monitor(options: MonitorOptions): Monitor {
  const hearts = new Map<Backend, Heart>();
  const stopping = new Set<Promise<void>>();
  const firstDelayMs = firstProbes(options);
  const watch = options.pool.watch({
    onAdd: (backend) => void hearts.set(backend, new Heart(backend, options, firstDelayMs())),
    onRemove: stop,
  });

  function stop(backend: Backend): void {
    const stopped = hearts.get(backend)?.stop();
    hearts.delete(backend);
    if (!stopped) return;
    stopping.add(stopped);
    // Never rejects; close() waits for those that are left.
    void stopped.finally(() => stopping.delete(stopped));
  }

  async function close(): Promise<void> {
    watch[Symbol.dispose]();
    for (const backend of hearts.keys()) stop(backend);
    await Promise.all(stopping);
  }

  let closing: Promise<void> | undefined;
  const closeOnce = (): Promise<void> => {
    closing ??= close();
    return closing;
  };
  return { close: closeOnce, [Symbol.asyncDispose]: closeOnce };
}
