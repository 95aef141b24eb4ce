import { parseAddress } from "../../net/mod.ts";
import type { BackendSpec } from "../pool/backend.ts";

/** How a backend is written in one text: a flag, or a line of a file. */
export const BACKEND_FORM = "HOST:PORT[,weight=N][,backup][,max=N]";

/** The most that a backend may weigh in a text. */
const MAX_WEIGHT = 1_000_000;
/** The most connections that a limit in a text may allow. */
const MAX_CONNECTIONS = 1_000_000_000;

/**
 * Reads a backend as {@linkcode BACKEND_FORM} says: `weight` is 0 to 1,000,000 and may be fractional, `max` is how many connections
 * it may have at once. Spaces around commas do not matter.
 *
 * @example A backup with a weight
 * ```ts
 * import assert from "node:assert/strict";
 * import { parseBackend } from "chorus";
 *
 * const spec = parseBackend("10.0.0.7:6000, weight=2, backup");
 * assert(typeof spec !== "string");
 * assert.deepEqual([spec.weight, spec.backup], [2, true]);
 * assert.equal(typeof parseBackend("10.0.0.7"), "string");
 * ```
 *
 * @returns What a pool is told, or a sentence that says what is wrong: found and allowed.
 */
export function parseBackend(text: string): BackendSpec | string {
  const [where = "", ...options] = text.split(",").map((part) => part.trim());
  const address = parseAddress(where);
  if (typeof address === "string") return address;
  if ("port" in address && address.port === 0)
    return `"${where}" has port 0, where nobody listens; write a port from 1 to 65535`;
  let spec: BackendSpec = { address };
  const given = new Set<string>();
  for (const option of options) {
    const at = option.indexOf("=");
    const name = at < 0 ? option : option.slice(0, at);
    const change = readOption(option, name, at < 0 ? undefined : option.slice(at + 1));
    if (typeof change === "string") return change;
    if (given.has(name)) return `"${text}" says ${name} twice`;
    given.add(name);
    spec = { ...spec, ...change };
  }
  return spec;
}

function readOption(option: string, name: string, value: string | undefined): Partial<BackendSpec> | string {
  if (option === "backup") return { backup: true };
  const number = /^\d+(?:\.\d+)?$/.test(value ?? "") ? Number(value) : Number.NaN;
  if (name === "weight" && value !== undefined) {
    if (number <= MAX_WEIGHT) return { weight: number };
    return `"${option}" is not a weight; write weight=0 to weight=${MAX_WEIGHT}`;
  }
  if (name === "max" && value !== undefined) {
    const isRight = Number.isInteger(number) && number >= 1 && number <= MAX_CONNECTIONS;
    if (isRight) return { maxConnections: number };
    return `"${option}" is not a limit; write max=1 to max=${MAX_CONNECTIONS}`;
  }
  return `"${option}" is neither weight=N nor backup nor max=N`;
}
