import { type Clock, systemClock, type Timer } from "../async/mod.ts";
import type { Child } from "./child.ts";
import { Restarts } from "./restarts.ts";
import { type Hang, UNANSWERED, type WatchOptions, watch } from "./watch.ts";
import type { End, Worker } from "./worker.ts";

/** Options for {@linkcode supervise}. */
export interface SupervisorOptions<W extends Worker = Child> {
  /**
   * Starts the worker, the first time and after each end. What it rejects with counts as an end.
   *
   * It is asked from then on whether it is alive, and killed when it hangs.
   *
   * @param onServing To be called when it serves: until then it may leave three times as many questions unanswered.
   */
  start(onServing: () => void): Promise<W>;
  /** The worker has ended, or could not be started, and will be started again after `delayMs`. Must not throw. */
  onEnd(end: End, delayMs: number): void;
  /** The worker has stopped answering. Where it can be killed it is, and `onEnd` follows. Must not throw. @default {ignored} */
  onHang?(worker: W, hang: Hang): void;
  /** How a worker that hangs is found; by the same clock unless it has one. */
  watch?: WatchOptions | undefined;
  /** @default {systemClock} */
  clock?: Clock;
}

/** A worker that is started again when it ends. */
export interface Supervised<W extends Worker = Child> {
  /** The one that runs now; undefined between two. */
  readonly child: W | undefined;
  /** Starts it no more, and asks it no more. The one that runs goes on: whoever stops the supervision ends it. */
  release(): void;
}

/** One that has lived this long has not crashed at its start: the next delay is the first one again. */
const SETTLED_MS = 10_000;

/** How many times as long one may be silent that does not serve yet: it loads its code, perhaps beside many others. */
const START_FACTOR = 3;

/**
 * Keeps a child process or a thread running: one that ends is started again, at once the first time and then after delays that
 * double up to 5 s, so that one that cannot live does not keep the machine busy. One that hangs is killed, and so ends.
 */
export function supervise<W extends Worker = Child>(options: SupervisorOptions<W>): Supervised<W> {
  const { start, onEnd, onHang, clock = systemClock } = options;
  const { unanswered = UNANSWERED } = options.watch ?? {};
  const restarts = new Restarts();
  let child: W | undefined;
  let isReleased = false;
  let timer: Timer | undefined;
  let watched: Disposable | undefined;

  async function run(): Promise<void> {
    const startedAt = clock.now();
    const end = await live();
    child = undefined;
    watched?.[Symbol.dispose]();
    if (isReleased) return;
    if (clock.now() - startedAt > SETTLED_MS) restarts.settle();
    const delayMs = restarts.nextDelayMs();
    onEnd(end, delayMs);
    // Owned by the timer and the child: both end with the supervision.
    timer = clock.after(delayMs, () => void run());
  }
  async function live(): Promise<End> {
    const serving = Promise.withResolvers<void>();
    try {
      const worker = await start(serving.resolve);
      child = worker;
      keepAsking(worker, START_FACTOR * unanswered);
      // Settles while it lives, or is of no consequence any more.
      void serving.promise.then(() => keepAsking(worker, unanswered));
      return await worker.exited;
    } catch (error) {
      return { error };
    }
  }
  function keepAsking(worker: W, unanswered: number): void {
    if (isReleased || child !== worker) return;
    watched?.[Symbol.dispose]();
    watched = watch(worker, (hang) => onHang?.(worker, hang), { clock, ...options.watch, unanswered });
  }
  void run();
  return {
    get child() {
      return child;
    },
    release() {
      isReleased = true;
      timer?.cancel();
      watched?.[Symbol.dispose]();
    },
  };
}
