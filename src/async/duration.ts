const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** The longest time that a timer takes, in milliseconds: almost 25 days. */
export const MAX_DURATION_MS = 2_147_483_647;

/**
 * Reads a time such as `500ms`, `5s`, `10m` or `1h`. A bare number is none: it has no unit.
 *
 * @example The value of a flag
 * ```ts
 * import assert from "node:assert/strict";
 * import { parseDuration } from "chorus";
 *
 * const grace = parseDuration("1.5m");
 * if (typeof grace === "string") throw new Error(`--grace: ${grace}`);
 * assert.equal(grace, 90_000);
 * assert.equal(parseDuration("soon"), '"soon" is not a time; write 500ms, 5s, 10m or 1h, at most 24 days');
 * ```
 *
 * @returns Milliseconds; or a sentence that says what is wrong: found and allowed.
 */
export function parseDuration(text: string): number | string {
  const { amount, unit = "" } = /^(?<amount>\d+(?:\.\d+)?)(?<unit>ms|s|m|h)$/.exec(text)?.groups ?? {};
  const ms = Number(amount) * (UNITS[unit] ?? Number.NaN);
  if (ms <= MAX_DURATION_MS) return ms;
  return `"${text}" is not a time; write 500ms, 5s, 10m or 1h, at most 24 days`;
}
