/** One mistake in a configuration. */
export interface ConfigurationProblem {
  /** Where it is, such as `pools.web.backends[1].weight`; empty for the file as a whole. */
  readonly path: string;
  /**
   * Its place in the file, from 1; in characters, as an editor counts them. Absent where it was found after the file was read, or where
   * the file has no such value.
   */
  readonly line?: number | undefined;
  /** The column, from 1, where the line is known. */
  readonly column?: number | undefined;
  /** One sentence: what was found and what is allowed. */
  readonly message: string;
}

/** The most problems that are reported of one file. */
export const MAX_PROBLEMS = 20;

/** The keys that lead to a value; a number is a place in a list, from 0. */
export type Path = readonly (string | number)[];

/**
 * Writes a path: `pools.web.backends[1].weight`, and `pools["a.b"]` where a key holds more than letters, digits, `_`, `-` and `$`.
 *
 * @example A place in a configuration
 * ```ts
 * import assert from "node:assert/strict";
 * import { formatPath } from "chorus";
 *
 * assert.equal(formatPath(["pools", "web", "backends", 1, "weight"]), "pools.web.backends[1].weight");
 * assert.equal(formatPath(["pools", "eu.west"]), 'pools["eu.west"]');
 * ```
 */
export function formatPath(path: Path): string {
  let text = "";
  for (const key of path) {
    if (typeof key === "number") text += `[${key}]`;
    else if (!/^[\w$-]+$/.test(key)) text += `[${JSON.stringify(key)}]`;
    else text += text === "" ? key : `.${key}`;
  }
  return text;
}

/**
 * Writes a problem for a person: `chorus.json:12:7: pools.web.policy: …`.
 *
 * @example A policy that there is not
 * ```ts
 * import assert from "node:assert/strict";
 * import { formatProblem, parseConfiguration } from "chorus";
 *
 * const text = `{ "frontends": { "main": { "listen": "0.0.0.0:7000", "pool": "web" } },
 *   "pools": { "web": { "policy": "fairest", "backends": ["10.0.0.7:6000"] } } }`;
 * const problems = parseConfiguration(text, "chorus.json");
 * assert(Array.isArray(problems));
 * const lines = problems.map((problem) => formatProblem(problem, "chorus.json"));
 * assert.match(lines.join("\n"), /^chorus\.json:2:33: pools\.web\.policy: "fairest" is not round-robin, /);
 * ```
 */
export function formatProblem(problem: ConfigurationProblem, file: string): string {
  const path = problem.path === "" ? "" : `${problem.path}: `;
  const place = problem.line === undefined ? "" : `:${problem.line}:${problem.column}`;
  return `${file}${place}: ${path}${problem.message}`;
}

const MAX_SHOWN = 60;

/** Shows what was found, in a few words. */
export function show(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "object" && value !== null) return "an object";
  const text = JSON.stringify(value) ?? "nothing";
  return text.length <= MAX_SHOWN
    ? text
    : `${text.slice(0, MAX_SHOWN)}…${typeof value === "string" ? '"' : ""}`;
}

/** Lists words for a sentence: `a, b or c`. */
export function oneOf(words: readonly string[]): string {
  const last = words.at(-1) ?? "";
  return words.length < 2 ? last : `${words.slice(0, -1).join(", ")} or ${last}`;
}

/** The word that was probably meant; undefined when none is near. */
export function nearest(found: string, words: readonly string[]): string | undefined {
  const plain = (word: string): string => word.toLowerCase().replaceAll(/[-_\s]/g, "");
  const most = Math.max(1, Math.floor(found.length / 3));
  let best: { readonly word: string; readonly distance: number } | undefined;
  for (const word of words) {
    const distance = distanceOf(plain(found), plain(word), most);
    if (distance <= most && distance < (best?.distance ?? Number.POSITIVE_INFINITY))
      best = { word, distance };
  }
  return best?.word;
}

/** How many letters must be put in, taken out, replaced or swapped with their neighbors; more than `most` is not counted out. */
function distanceOf(one: string, other: string, most: number): number {
  if (Math.abs(one.length - other.length) > most) return most + 1;
  let before: number[] = [];
  let row = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      const isSame = one[i - 1] === other[j - 1];
      const replaced = at(row, j - 1) + (isSame ? 0 : 1);
      const isSwapped = one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      const swapped = isSwapped ? at(before, j - 2) + 1 : Number.POSITIVE_INFINITY;
      next.push(Math.min(at(row, j) + 1, at(next, j - 1) + 1, replaced, swapped));
    }
    before = row;
    row = next;
  }
  return at(row, other.length);
}

function at(row: readonly number[], place: number): number {
  return row[place] ?? Number.POSITIVE_INFINITY;
}
