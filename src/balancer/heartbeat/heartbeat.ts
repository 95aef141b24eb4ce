/**
 * What the heartbeat says of a backend.
 *
 * `new` no answer so far, and not yet too many missed · `up` · `suspect` up, but the last answers are missing · `down`.
 */
export type Verdict = "new" | "up" | "suspect" | "down";

/** All that is known of one backend's heartbeat. */
export interface Health {
  /** Heartbeats without an answer since the last one, at most the threshold. */
  readonly missed: number;
  /** Answers in a row since it went down. */
  readonly risen: number;
  /** What is made of it. */
  readonly verdict: Verdict;
  /** A heartbeat was sent whose answer may still come in time. */
  readonly isWaiting: boolean;
  /** A client's failure has counted since the last heartbeat was sent. */
  readonly isBlamed: boolean;
}

/**
 * What can happen to a heartbeat.
 *
 * - `sent`: one more, whose answer is waited for.
 * - `answered`: an answer came, in time or late.
 * - `overdue`: the wait is over, or it was refused or reset; now the missing answer counts.
 * - `failed`: a client could not be connected. Counts like a heartbeat without an answer, once between two that are sent.
 */
export type HeartbeatEvent = "sent" | "answered" | "overdue" | "failed";

/** Options for {@linkcode beat}, {@linkcode nextProbeDelayMs} and {@linkcode probeTimeoutMs}. */
export interface HeartbeatOptions {
  /** How many missing answers bring a backend down. @default {3} */
  readonly threshold?: number | undefined;
  /** How many answers in a row bring it up again. @default {2} */
  readonly rise?: number | undefined;
  /** Milliseconds between two heartbeats of a backend that is up. @default {2000} */
  readonly intervalMs?: number | undefined;
  /** Milliseconds between two heartbeats while suspect, new or rising. @default {half of intervalMs} */
  readonly fastIntervalMs?: number | undefined;
  /** Milliseconds between two heartbeats while down. @default {2.5 times intervalMs} */
  readonly downIntervalMs?: number | undefined;
  /**
   * How long an answer is waited for, in milliseconds. The next heartbeat is sent after that at the earliest.
   *
   * @default {as long as the interval of the moment, but 1 to 5 s}
   */
  readonly timeoutMs?: number | undefined;
}

/** The health of a backend that nothing is known of. */
export const UNKNOWN_HEALTH: Health = {
  missed: 0,
  risen: 0,
  verdict: "new",
  isWaiting: false,
  isBlamed: false,
};

/** Between two heartbeats of a backend that is up, in milliseconds, unless said otherwise. */
export const INTERVAL_MS = 2000;
/** How many missing answers bring a backend down, unless said otherwise. */
export const THRESHOLD = 3;
const MIN_TIMEOUT_MS = 1000;
const MAX_TIMEOUT_MS = 5000;
/** Probes are up to so much earlier or later, so that they do not all come at once. */
const JITTER = 0.1;

/** Refuses options that are none. @throws {RangeError} with a sentence that says what is wrong. */
export function checkHeartbeat(options: HeartbeatOptions = {}): void {
  const { threshold, rise, intervalMs, fastIntervalMs, downIntervalMs, timeoutMs } = options;
  for (const [name, value = 1] of Object.entries({ threshold, rise }))
    if (!(Number.isInteger(value) && value >= 1))
      throw new RangeError(
        `Cannot set heartbeat: ${name} must be a whole number of at least 1, received ${value}`,
      );
  for (const [name, value = 1] of Object.entries({ intervalMs, fastIntervalMs, downIntervalMs, timeoutMs }))
    if (!(value > 0 && value < 2 ** 29))
      throw new RangeError(
        `Cannot set heartbeat: ${name} must be positive and below 2^29, received ${value}`,
      );
}

/**
 * Folds one event of a heartbeat into the health of a backend. Pure: no clock, no socket.
 *
 * @example Two unanswered heartbeats, and one that is answered
 * ```ts
 * import assert from "node:assert/strict";
 * import { beat, UNKNOWN_HEALTH } from "chorus";
 *
 * let health = beat(beat(UNKNOWN_HEALTH, "sent"), "answered");
 * for (const event of ["sent", "overdue", "sent", "overdue"] as const) health = beat(health, event);
 * assert.deepEqual([health.verdict, health.missed], ["suspect", 2]);
 * health = beat(health, "answered");
 * assert.deepEqual([health.verdict, health.missed], ["up", 0]);
 * ```
 */
export function beat(health: Health, event: HeartbeatEvent, options: HeartbeatOptions = {}): Health {
  const { threshold = THRESHOLD, rise = 2 } = options;
  const missed = Math.min(threshold, health.missed + 1);
  switch (event) {
    case "sent":
      return { ...health, missed, isWaiting: true, isBlamed: false };
    case "overdue":
      return {
        ...health,
        risen: 0,
        isWaiting: false,
        verdict: judge(health.verdict, health.missed, threshold),
      };
    case "failed": {
      if (health.isBlamed) return health;
      // An answer that may still come in time is not missing yet.
      const missing = health.isWaiting ? health.missed : missed;
      return {
        ...health,
        missed,
        risen: 0,
        isBlamed: true,
        verdict: judge(health.verdict, missing, threshold),
      };
    }
    case "answered": {
      const risen = health.verdict === "down" ? health.risen + 1 : rise;
      const isUp = risen >= rise;
      const { isBlamed } = health;
      return {
        missed: 0,
        risen: isUp ? 0 : risen,
        verdict: isUp ? "up" : "down",
        isWaiting: false,
        isBlamed,
      };
    }
  }
}

/**
 * Folds a client's failure into the health of a backend whose own heartbeats are answered: suspect at most.
 *
 * Clients alone bring nobody down here: they can be wrong together, and the next answer would end it at once.
 */
export function beatByClients(health: Health, event: "failed", options: HeartbeatOptions = {}): Health {
  const after = beat(health, event, options);
  if (after.verdict !== "down" || health.verdict === "down") return after;
  return { ...after, verdict: health.verdict === "up" ? "suspect" : health.verdict };
}

function judge(verdict: Verdict, missing: number, threshold: number): Verdict {
  if (missing >= threshold) return "down";
  return verdict === "up" && missing > 0 ? "suspect" : verdict;
}

/**
 * How long after a heartbeat was sent the next one is, in milliseconds: by default 2 s, 1 s while suspect, new or rising, 5 s
 * while down; each give or take a tenth.
 *
 * @param random Source of randomness, 0 up to but not including 1.
 */
export function nextProbeDelayMs(health: Health, random: () => number, options?: HeartbeatOptions): number {
  return intervalOf(health, options) * (1 + JITTER * (2 * random() - 1));
}

/** How long an answer is waited for, in milliseconds: as long as the interval of the moment, but 1 to 5 s, unless said otherwise. */
export function probeTimeoutMs(health: Health, options: HeartbeatOptions = {}): number {
  return options.timeoutMs ?? Math.min(MAX_TIMEOUT_MS, Math.max(MIN_TIMEOUT_MS, intervalOf(health, options)));
}

/** The shortest of the intervals, in milliseconds, without the tenth that it may lack. */
export function shortestIntervalMs(options: HeartbeatOptions = {}): number {
  const { up, fast, down } = intervalsOf(options);
  return Math.min(up, fast, down);
}

function intervalsOf(options: HeartbeatOptions): { up: number; fast: number; down: number } {
  const { intervalMs: up = INTERVAL_MS, fastIntervalMs = up / 2, downIntervalMs = up * 2.5 } = options;
  return { up, fast: fastIntervalMs, down: downIntervalMs };
}

function intervalOf(health: Health, options: HeartbeatOptions = {}): number {
  const { up, fast, down } = intervalsOf(options);
  switch (health.verdict) {
    case "up":
      return up;
    case "new":
    case "suspect":
      return fast;
    case "down":
      return health.risen > 0 ? fast : down;
  }
}
