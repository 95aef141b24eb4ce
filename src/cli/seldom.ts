import { type Clock, systemClock } from "../async/mod.ts";
import type { OnError } from "./backing.ts";
import { wordsOf } from "./log.ts";

/** For how long a failure is not told again in the same words, in milliseconds. */
const QUIET_MS = 10_000;
/** Failures that are remembered at most; beyond them the one that was told first is told again. */
const MAX_REMEMBERED = 100;

/**
 * Tells of a failure only if the same one was not told within the last 10 s: a disk that is full fails each write of everybody, and what
 * is said of it may be kept on the same disk.
 */
export function seldom(onError: OnError, clock: Clock = systemClock): OnError {
  const toldAt = new Map<string, number>();
  return (error, context) => {
    const words = `${context.during}: ${wordsOf(error)}`;
    const now = clock.now();
    if (now - (toldAt.get(words) ?? Number.NEGATIVE_INFINITY) < QUIET_MS) return;
    // Behind the others: they stay in the order in which they were told.
    toldAt.delete(words);
    toldAt.set(words, now);
    const [first] = toldAt.keys();
    if (toldAt.size > MAX_REMEMBERED && first !== undefined) toldAt.delete(first);
    onError(error, context);
  };
}
