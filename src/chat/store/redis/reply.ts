import { StoreError } from "../contract.ts";

/** A list that a script gave. @throws {StoreError} `unavailable` when it is none: Redis is not what we think. */
export function toList(reply: unknown): readonly unknown[] {
  if (Array.isArray(reply)) return reply;
  throw new StoreError("unavailable", `Cannot use Redis: it answered with ${typeof reply}, not with a list`);
}

/** A list of texts that a script gave. @throws {StoreError} `unavailable`. */
export function toTexts(reply: unknown): readonly string[] {
  return toList(reply).map(toText);
}

/** A text that a script gave; empty for nil. */
export function toText(reply: unknown): string {
  return reply === null || reply === undefined ? "" : String(reply);
}
