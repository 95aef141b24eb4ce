/**
 * Time and waiting, without I/O: clocks, delays, limits, and the lists of very many who wait.
 *
 * @module
 */
export { type BackoffOptions, backoff } from "./backoff.ts";
export { type Clock, ManualClock, systemClock, type Timer } from "./clock.ts";
export { Cooldown } from "./cooldown.ts";
export { MAX_DURATION_MS, parseDuration } from "./duration.ts";
export { KeyCounts } from "./key_counts.ts";
export { LinkedList } from "./linked_list.ts";
export { Occupancy } from "./occupancy.ts";
export { Semaphore } from "./semaphore.ts";
export { type TimerWheelOptions, timerWheel } from "./timer_wheel.ts";
export { TokenBucket, type TokenBucketOptions } from "./token_bucket.ts";
export { DeadlineError, type WaitOptions, wait, withDeadline } from "./wait.ts";
