/** So many of the last heartbeats are remembered of each backend. */
export const REMEMBERED = 30;

/** The bits of {@linkcode REMEMBERED} outcomes. */
const MASK = 2 ** REMEMBERED - 1;

/**
 * How the last heartbeats of a backend ended, in one number: a bit for each, the newest last, below a leading one.
 *
 * It is the same small number after a minute and after a year.
 */
export type HeartbeatHistory = number;

/** Of a backend that was not asked so far. */
export const NO_HISTORY: HeartbeatHistory = 1;

/** A history with one more outcome; the oldest one is forgotten beyond {@linkcode REMEMBERED}. */
export function remembering(history: HeartbeatHistory, isAnswered: boolean): HeartbeatHistory {
  // One more than all of them is the leading one, which stays where it is.
  const isFull = history > MASK;
  const kept = isFull ? history & (MASK >> 1) : history;
  return (kept << 1) | (isAnswered ? 1 : 0) | (isFull ? MASK + 1 : 0);
}

/** A history in words: `+` for an answer, `-` for one that was missing when the wait was over, the oldest first. */
export function outcomesOf(history: HeartbeatHistory): string {
  return history.toString(2).slice(1).replaceAll("1", "+").replaceAll("0", "-");
}
