import { type Clock, systemClock } from "../../async/mod.ts";
import type { BackendState } from "../contract.ts";
import type { Backend } from "../pool/backend.ts";
import type { Pool } from "../pool/pool.ts";
import type { Probe } from "../probe/mod.ts";
import { type Circulation, Heart } from "./heart.ts";
import { Pacer } from "./pacer.ts";

/** Options for {@linkcode monitor}. */
export interface MonitorOptions {
  /** Whose backends are probed, those of now and those that come. Its `heartbeat` says how often; a change of it counts at once. */
  readonly pool: Pool;
  /** How a backend is asked. */
  readonly probe: Probe;
  /** The source of time. @default {systemClock} */
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
  /** Asks by another probe from now on. What is under way is given up, and asked anew where an answer is waited for. */
  use(probe: Probe): void;
  /** What a backend was asked before no longer counts: a probe of it that is under way is given up, and asked anew. */
  askAnew(backend: Backend): void;
  /** Sets no more timers, aborts the probes under way and resolves when they are over. Idempotent. */
  close(): Promise<void>;
}

/**
 * Sends the heartbeats of a pool's backends, and tells the pool what came of them, until closed.
 *
 * - A lone new backend is probed at once; many are spread over the interval, and stay so: where many are due at once, such as after
 *   the process stood still, they go out one after the other, at most 1.25 times as fast as evenly over the shortest interval.
 * - At most one probe of a backend is under way: one that is still without an answer when the next is due goes on and stands
 *   for it, so that its answer counts however late it comes. If it fails meanwhile, the next one is started.
 * - A probe that rejects is judged at once, the others when the wait is over.
 * - What an answer says goes to `pool.report`, and how long it took into the backend's counters.
 *
 * @example A backend that is not there goes down
 * ```ts
 * import assert from "node:assert/strict";
 * import { createPool, monitor, systemDriver, tcpProbe } from "chorus";
 *
 * using pool = createPool({ name: "games", policy: "weighted", heartbeat: { threshold: 1 } });
 * pool.add({ address: { host: "127.0.0.1", port: 1 } });
 * const changed = Promise.withResolvers<string>();
 * await using _ = monitor({
 *   pool,
 *   probe: tcpProbe(systemDriver()),
 *   onChange: (backend, from, to) => changed.resolve(`${backend.name}: ${from} to ${to}`),
 * });
 * assert.equal(await changed.promise, "127.0.0.1:1: suspect to down");
 * ```
 */
export function monitor(options: MonitorOptions): Monitor {
  const { pool, clock = systemClock, random = Math.random, probe, onChange, onMiss } = options;
  const pacer = new Pacer(pool, clock, random);
  const shared: Circulation = { pool, clock, random, pacer, probe, onChange, onMiss };
  const hearts = new Map<Backend, Heart>();
  const stopping = new Set<Promise<void>>();
  const watch = pool.watch({
    onAdd: (backend) => void hearts.set(backend, new Heart(backend, shared, pacer.firstDelayMs())),
    onRemove: stop,
    onConfigure: () => {
      for (const heart of hearts.values()) heart.reschedule();
    },
  });

  /** Probes that were given up never reject; close() waits for those that are left. */
  function settle(stopped: Promise<void>): void {
    stopping.add(stopped);
    void stopped.finally(() => stopping.delete(stopped));
  }

  function stop(backend: Backend): void {
    const heart = hearts.get(backend);
    hearts.delete(backend);
    if (heart) settle(heart.stop());
  }

  function use(replacement: Probe): void {
    shared.probe = replacement;
    for (const heart of hearts.values()) settle(heart.restart());
  }

  function askAnew(backend: Backend): void {
    const heart = hearts.get(backend);
    if (heart) settle(heart.restart());
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
  return { use, askAnew, close: closeOnce, [Symbol.asyncDispose]: closeOnce };
}
