import { backoff, type Clock, systemClock, type Timer } from "../async/mod.ts";
import type { Child, Exit } from "./child.ts";

/** Options for {@linkcode supervise}. */
export interface SupervisorOptions {
  /** Starts the child, the first time and after each end. What it rejects with counts as an end. */
  start(): Promise<Child>;
  /** The child has ended, or could not be started, and will be started again after `delayMs`. Must not throw. */
  onEnd(end: Exit | { readonly error: unknown }, delayMs: number): void;
  /** @default {systemClock} */
  clock?: Clock;
}

/** A child that is started again when it ends. */
export interface Supervised {
  /** The child that runs now; undefined between two. */
  readonly child: Child | undefined;
  /** Starts it no more. The child that runs goes on: whoever stops the supervision ends it. */
  release(): void;
}

/** A child that has lived this long has not crashed at its start: the next delay is the first one again. */
const SETTLED_MS = 10_000;

/**
 * Keeps a child process running: one that ends is started again, at once the first time and then after delays that double up
 * to 5 s, so that one that cannot live does not keep the machine busy.
 */
export function supervise(options: SupervisorOptions): Supervised {
  const { start, onEnd, clock = systemClock } = options;
  let child: Child | undefined;
  let isReleased = false;
  let timer: Timer | undefined;
  let delays = backoff({ firstMs: 250 });
  let crashes = 0;

  async function run(): Promise<void> {
    const startedAt = clock.now();
    const end = await live();
    child = undefined;
    if (isReleased) return;
    if (clock.now() - startedAt > SETTLED_MS) {
      delays = backoff({ firstMs: 250 });
      crashes = 0;
    }
    const delayMs = crashes === 0 ? 0 : delays.next().value;
    crashes += 1;
    onEnd(end, delayMs);
    // Owned by the timer and the child: both end with the supervision.
    timer = clock.after(delayMs, () => void run());
  }
  async function live(): Promise<Exit | { readonly error: unknown }> {
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
