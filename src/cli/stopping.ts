import { systemClock, withDeadline } from "../async/mod.ts";

/** How long a goodbye may take before the clients are told all the same, in milliseconds. */
const GOODBYE_MS = 250;

/** How a server stops. */
export interface Stopping {
  /** How long clients have to leave. */
  readonly graceMs: number;
  /** Aborted when they have had their time: what does not answer from then on is not waited for. */
  readonly ending: AbortController;
  /** Says goodbye to those who send clients, where that is not a part of closing. Never rejects. */
  readonly sayGoodbye?: () => PromiseLike<void> | undefined;
  /** Lets the clients leave, and lets go of what was needed for them. */
  readonly close: () => Promise<void>;
}

/**
 * Stops a server: it says goodbye, then lets its clients leave. A goodbye that takes long goes on meanwhile: the clients need their time,
 * whether the registry answers or not.
 */
export async function stopServing({ graceMs, ending, sayGoodbye, close }: Stopping): Promise<void> {
  const timer = systemClock.after(graceMs, () => ending.abort());
  const saying = Promise.resolve(sayGoodbye?.());
  // Only of the deadline: a goodbye never rejects.
  await withDeadline(saying, GOODBYE_MS, "say goodbye").catch(() => undefined);
  await close();
  timer.cancel();
  ending.abort();
  await saying;
}
