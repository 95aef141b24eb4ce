import { type Clock, Cooldown, systemClock } from "../async/mod.ts";
import type { OnError } from "./backing.ts";
import { wordsOf } from "./log.ts";

/** For how long a failure is not told again in the same words, in milliseconds. */
const QUIET_MS = 10_000;

/**
 * Tells of a failure only if the same one was not told within the last 10 s: a disk that is full fails each write of everybody, and what
 * is said of it may be kept on the same disk.
 */
export function seldom(onError: OnError, clock: Clock = systemClock): OnError {
  const cooldown = new Cooldown(QUIET_MS, clock);
  return (error, context) => {
    if (cooldown.take(`${context.during}: ${wordsOf(error)}`)) onError(error, context);
  };
}
