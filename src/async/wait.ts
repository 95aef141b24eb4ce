import { type Clock, systemClock } from "./clock.ts";

/** Options for {@linkcode wait}. */
export interface WaitOptions {
  /** Ends the wait early: the promise rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** The source of time. @default {systemClock} */
  clock?: Clock | undefined;
}

/**
 * Resolves after `delayMs`, or rejects with the signal's reason as soon as it is aborted.
 *
 * @example A minute that takes no time
 * ```ts
 * import assert from "node:assert/strict";
 * import { ManualClock, wait } from "chorus";
 *
 * const clock = new ManualClock();
 * const over = wait(60_000, { clock });
 * clock.advance(60_000);
 * await over;
 * await assert.rejects(wait(60_000, { signal: AbortSignal.abort(new Error("enough")) }), /enough/);
 * ```
 */
export function wait(delayMs: number, options: WaitOptions = {}): Promise<void> {
  const { signal, clock = systemClock } = options;
  if (signal?.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    function onAbort(): void {
      timer.cancel();
      reject(signal?.reason);
    }
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/**
 * What {@linkcode withDeadline} rejects with when the time is over.
 *
 * @example What takes too long is told from what fails
 * ```ts
 * import assert from "node:assert/strict";
 * import { DeadlineError, ManualClock, withDeadline } from "chorus";
 *
 * const clock = new ManualClock();
 * const asked = withDeadline(Promise.withResolvers<string>().promise, 5000, "ask the server", clock);
 * clock.advance(5000);
 * const answer = await asked.catch((error: unknown) => {
 *   if (error instanceof DeadlineError) return "no answer";
 *   throw error;
 * });
 * assert.equal(answer, "no answer");
 * ```
 */
export class DeadlineError extends Error {
  /** Tells it from other errors. */
  override readonly name = "DeadlineError";
}

/**
 * Settles like `promise`, or rejects with a {@linkcode DeadlineError} after `deadlineMs`.
 *
 * What `promise` does is not stopped; a later result is dropped, a later rejection counts as handled.
 *
 * @example Too late
 * ```ts
 * import assert from "node:assert/strict";
 * import { DeadlineError, ManualClock, withDeadline } from "chorus";
 *
 * const clock = new ManualClock();
 * const late = withDeadline(new Promise<never>(() => undefined), 5000, "ask", clock);
 * clock.advance(5000);
 * await assert.rejects(late, new DeadlineError("Cannot ask: no answer within 5000 ms"));
 * ```
 *
 * @param action What is waited for, as in "Cannot `action`: no answer within 5000 ms".
 */
export async function withDeadline<T>(
  promise: Promise<T>,
  deadlineMs: number,
  action: string,
  clock: Clock = systemClock,
): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = clock.after(deadlineMs, () =>
    reject(new DeadlineError(`Cannot ${action}: no answer within ${deadlineMs} ms`)),
  );
  try {
    return await Promise.race([promise, late]);
  } finally {
    timer.cancel();
  }
}
