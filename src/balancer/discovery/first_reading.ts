import type { Clock } from "../../async/mod.ts";

/** How long a source's first reading is waited for, in milliseconds, before the balancer goes on without it. */
export const FIRST_READING_MS = 5000;

/**
 * Waits for the first reading of a source, at most {@linkcode FIRST_READING_MS}; it goes on after that.
 *
 * @returns Whether it came in time. Rejects when it rejected in time.
 */
export async function firstReading(reading: Promise<unknown>, clock: Clock): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  const timer = clock.after(FIRST_READING_MS, () => late.resolve(false));
  try {
    return await Promise.race([reading.then(() => true), late.promise]);
  } finally {
    timer.cancel();
  }
}
