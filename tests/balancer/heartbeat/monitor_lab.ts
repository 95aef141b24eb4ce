import { type Clock, ManualClock, type Timer } from "../../../src/async/mod.ts";
import type { HeartbeatOptions } from "../../../src/balancer/heartbeat/heartbeat.ts";
import { type Monitor, type MonitorOptions, monitor } from "../../../src/balancer/heartbeat/monitor.ts";
import type { Backend } from "../../../src/balancer/pool/backend.ts";
import { createPool, type Pool } from "../../../src/balancer/pool/pool.ts";
import type { Probe, ProbeAnswer, ProbeOptions } from "../../../src/balancer/probe/mod.ts";

/** A probe that was asked for and that the test answers. */
export interface Asked extends ProbeOptions {
  readonly name: string;
  readonly at: number;
  answer(answer?: ProbeAnswer): Promise<void>;
  refuse(reason: Error): Promise<void>;
}

/** A pool under a monitor whose time and probes the test decides. */
export interface Lab extends AsyncDisposable {
  readonly clock: ManualClock;
  readonly pool: Pool;
  readonly monitor: Monitor;
  readonly asked: Asked[];
  /** State changes and misses, as the monitor reports them. */
  readonly told: string[];
  add(name: string): Backend;
  /** The probe that the monitor asks by. */
  readonly probe: Probe;
}

/** A lab with `count` backends of the names 0, 1 and so on. */
export function lab(
  count: number,
  heartbeat: HeartbeatOptions = {},
  options: Partial<MonitorOptions> = {},
): Lab {
  const clock = new ManualClock();
  const pool = createPool({ name: "default", policy: "round-robin", heartbeat });
  const add = (name: string): Backend => pool.add({ name, address: { host: "127.0.0.1", port: 1 } });
  for (let i = 0; i < count; i++) add(`${i}`);
  const asked: Asked[] = [];
  const told: string[] = [];
  const probe: Probe = (backend, probeOptions) => ask(asked, clock.now(), backend, probeOptions);
  const running = monitor({
    pool,
    clock,
    random: () => 0.5,
    probe,
    onChange: ({ name }, from, to) => void told.push(`${name} ${from} ${to}`),
    onMiss: ({ name }, reason) => void told.push(`${name} missed: ${reason}`),
    ...options,
  });
  const dispose = (): Promise<void> => running.close();
  return { clock, pool, asked, told, add, probe, monitor: running, [Symbol.asyncDispose]: dispose };
}

function ask(asked: Asked[], at: number, { name }: Backend, options: ProbeOptions): Promise<ProbeAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<ProbeAnswer>();
  options.signal.addEventListener("abort", () => reject(options.signal.reason));
  // Whoever waits for the same promise later than the monitor runs after it.
  const settled = () => promise.then(undefined, () => undefined).then(() => undefined);
  asked.push({
    name,
    at,
    ...options,
    answer: (answer = {}) => {
      resolve(answer);
      return settled();
    },
    refuse: (reason) => {
      reject(reason);
      return settled();
    },
  });
  return promise;
}

/** Answers each probe, by `isLost` at the time of asking, while the clock goes on in steps of 100 ms. */
export async function pass(
  ms: number,
  { clock, asked }: Lab,
  isLost: (name: string) => boolean = () => false,
): Promise<void> {
  const done = new Set(asked);
  for (const end = clock.now() + ms; clock.now() < end; ) {
    clock.advance(Math.min(100, end - clock.now()));
    for (const probe of asked) {
      if (!done.has(probe)) await (isLost(probe.name) ? probe.refuse(new Error("refused")) : probe.answer());
      done.add(probe);
    }
  }
}

/** A turn of the event loop: all promises that can settle have settled. */
export const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

/** When the probes of a backend were asked for. */
export const timesOf = ({ asked }: Lab, name = "0"): number[] =>
  asked.filter((probe) => probe.name === name).map(({ at }) => Math.round(at));

interface PendingTimer {
  readonly at: number;
  readonly callback: () => void;
}

/** A clock that the test moves, and that may jump, as that of a process does which was stopped: then its timers are late. */
export class StallingClock implements Clock {
  #now = 0;
  readonly #timers = new Set<PendingTimer>();

  now(): number {
    return this.#now;
  }

  wallNow(): number {
    return this.#now;
  }

  after(delayMs: number, callback: () => void): Timer {
    const timer = { at: this.#now + delayMs, callback };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  /** Time passes, and no timer fires. */
  stall(ms: number): void {
    this.#now += ms;
  }

  /** Time passes, and the timers fire that are due, the oldest first. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const due = this.#next();
      if (!due || due.at > end) break;
      this.#timers.delete(due);
      this.#now = Math.max(this.#now, due.at);
      due.callback();
    }
    this.#now = end;
  }

  #next(): PendingTimer | undefined {
    let next: PendingTimer | undefined;
    for (const timer of this.#timers) if (!next || timer.at < next.at) next = timer;
    return next;
  }
}
