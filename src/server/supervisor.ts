import { type Clock, systemClock, type Timer } from "../async/mod.ts";
import type { Child } from "./child.ts";
import { Restarts } from "./restarts.ts";
import type { End } from "./worker.ts";

/** Options for {@linkcode supervise}. */
export interface SupervisorOptions<W extends Supervisable = Child> {
  /** Starts the worker, the first time and after each end. What it rejects with counts as an end. */
  start(): Promise<W>;
  /** The worker has ended, or could not be started, and will be started again after `delayMs`. Must not throw. */
  onEnd(end: End, delayMs: number): void;
  /** @default {systemClock} */
  clock?: Clock;
}

/** What can be supervised: a child process, a thread, or whatever else ends. */
export interface Supervisable {
  readonly exited: Promise<End>;
}

/** A worker that is started again when it ends. */
export interface Supervised<W extends Supervisable = Child> {
  /** The one that runs now; undefined between two. */
  readonly child: W | undefined;
  /** Starts it no more. The one that runs goes on: whoever stops the supervision ends it. */
  release(): void;
}

/** One that has lived this long has not crashed at its start: the next delay is the first one again. */
const SETTLED_MS = 10_000;

/**
 * Keeps a child process or a thread running: one that ends is started again, at once the first time and then after delays that
 * double up to 5 s, so that one that cannot live does not keep the machine busy.
 */
export function supervise<W extends Supervisable = Child>(options: SupervisorOptions<W>): Supervised<W> {
  const { start, onEnd, clock = systemClock } = options;
  const restarts = new Restarts();
  let child: W | undefined;
  let isReleased = false;
  let timer: Timer | undefined;

  async function run(): Promise<void> {
    const startedAt = clock.now();
    const end = await live();
    child = undefined;
    if (isReleased) return;
    if (clock.now() - startedAt > SETTLED_MS) restarts.settle();
    const delayMs = restarts.nextDelayMs();
    onEnd(end, delayMs);
    // Owned by the timer and the child: both end with the supervision.
    timer = clock.after(delayMs, () => void run());
  }
  async function live(): Promise<End> {
    try {
      child = await start();
      return await child.exited;
    } catch (error) {
      return { error };
    }
  }
  void run();
  return {
    get child() {
      return child;
    },
    release() {
      isReleased = true;
      timer?.cancel();
    },
  };
}
