import { Buffer } from "node:buffer";
import { MAX_SIGNAL_BYTES } from "../protocol.ts";

/** A lone surrogate as `JSON.stringify` writes it: its backslash is not itself escaped. */
const LONE_SURROGATE = /(?<!\\)(?:\\\\)*\\ud[89a-f]/;
/** What is nested deeper is longer than it may be: each level takes two brackets. */
const MAX_DEPTH = MAX_SIGNAL_BYTES / 2;

/**
 * The data of a signal as JSON.
 *
 * @param data What `JSON.parse` gave.
 * @returns Undefined when it has more than {@linkcode MAX_SIGNAL_BYTES} bytes, or a string in it is no well-formed Unicode.
 */
export function jsonOf(data: unknown): string | undefined {
  // Looked at first, because writing what is nested very deep takes most of a second on Bun, and overflows the stack elsewhere.
  if (isDeeperThan(MAX_DEPTH, data)) return undefined;
  const json = JSON.stringify(data);
  if (json.length > MAX_SIGNAL_BYTES || Buffer.byteLength(json) > MAX_SIGNAL_BYTES) return undefined;
  return json.includes("\\ud") && LONE_SURROGATE.test(json) ? undefined : json;
}

function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (levels === 0) return true;
  for (const inner of Array.isArray(value) ? value : Object.values(value)) {
    if (isDeeperThan(levels - 1, inner)) return true;
  }
  return false;
}
