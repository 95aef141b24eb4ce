import type { RedisOptions } from "./contract.ts";

/** After so many probes in a row that are not answered a connection is taken for dead. */
export const MAX_UNANSWERED = 2;
/** For how long a connection may be silent when the process is about to end, in milliseconds. */
const LAST_MS = 1000;

/** How patient a link is now, in milliseconds. */
export interface Pace {
  readonly probeMs: number;
  /** The longest to wait for what is under way when it is closed. */
  readonly closeMs: number;
}

/** The pace that the options ask for, or that of a process that is about to end. */
export function paceOf({ deadlineMs = 5000, recovery, ending }: RedisOptions): Pace {
  const { probeMs = 2000 } = recovery ?? {};
  if (!ending?.aborted) return { probeMs, closeMs: deadlineMs };
  return { probeMs: Math.min(LAST_MS / MAX_UNANSWERED, probeMs), closeMs: Math.min(LAST_MS, deadlineMs) };
}
