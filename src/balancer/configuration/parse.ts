import { resolve } from "node:path";
import * as v from "valibot";
import type { BalancerConfiguration } from "./contract.ts";
import { crossChecks } from "./cross_checks.ts";
import type { Finding } from "./finding.ts";
import { type JsonDocument, readJson } from "./json.ts";
import { normalize } from "./normalize.ts";
import { type ConfigurationProblem, formatPath, MAX_PROBLEMS } from "./problem.ts";
import { configurationSchema, type FileValues } from "./schema.ts";

/** The longest text that is read, in UTF-16 characters. */
const MAX_LENGTH = 32 * 1024 * 1024;

/**
 * Reads a configuration and checks all of it. Pure, but for the working folder where `file` is relative.
 *
 * @example A pool and a frontend before it
 * ```ts
 * import assert from "node:assert/strict";
 * import { parseConfiguration } from "chorus";
 *
 * const text = `{
 *   "frontends": { "web": { "listen": "127.0.0.1:8080", "pool": "servers" } },
 *   "pools": { "servers": { "policy": "weighted", "backends": ["10.0.0.7:80,weight=2", "10.0.0.8:80"] } }
 * }`;
 * const configuration = parseConfiguration(text, "/etc/chorus/chorus.json");
 * assert("pools" in configuration);
 * assert.equal(configuration.pools.get("servers")?.backends.length, 2);
 *
 * const [problem] = parseConfiguration(text.replace("weighted", "heavy"), "chorus.json") as { path: string }[];
 * assert.equal(problem?.path, "pools.servers.policy");
 * ```
 *
 * @param file Where the text comes from: paths in it are relative to its folder. It is not opened.
 * @returns The configuration; or the problems, in the order of the file, at most {@linkcode MAX_PROBLEMS}. What depends on a frontend or
 *   pool with a problem is only checked once that is mended.
 */
export function parseConfiguration(
  text: string,
  file: string,
): BalancerConfiguration | ConfigurationProblem[] {
  const document = readText(text);
  return "message" in document ? [document] : check({ text, document, written: document }, file);
}

/**
 * Reads a configuration that something else than its file has a say in, such as flags. Otherwise {@linkcode parseConfiguration}.
 *
 * @param amend Makes of what the file holds, which may be anything, what it is to count as. Not called where that is no JSON.
 * @returns The configuration, with the text of what it counts as; or the problems. Only those of values that the file has have a place,
 *   which is theirs in the file.
 */
export function parseAmended(
  text: string,
  file: string,
  amend: (value: unknown) => unknown,
): BalancerConfiguration | ConfigurationProblem[] {
  const written = readText(text);
  if ("message" in written) return [written];
  const amended = JSON.stringify(amend(written.value));
  const document = readText(amended);
  // What is no JSON any more has a place in a text that nobody has seen.
  if ("message" in document) return [{ path: document.path, message: document.message }];
  return check({ text: amended, document, written }, file);
}

function readText(text: string): JsonDocument | ConfigurationProblem {
  if (text.length <= MAX_LENGTH) return readJson(text);
  const message = `${text.length} characters are too many; ${MAX_LENGTH} are allowed`;
  return { path: "", line: 1, column: 1, message };
}

/** What is to be checked. */
interface Source {
  readonly text: string;
  /** What the text holds. */
  readonly document: JsonDocument;
  /** What the file holds. */
  readonly written: JsonDocument;
}

function check(source: Source, file: string): BalancerConfiguration | ConfigurationProblem[] {
  const { text, document } = source;
  const result = v.safeParse(configurationSchema, document.value);
  const mistakes = (result.issues ?? []).map(toFinding);
  // What has no mistake in it has its shape, even where the whole has not.
  const values = result.output as FileValues;
  const has = (...path: string[]): boolean => document.has(path);
  const findings = [...mistakes, ...crossChecks(values, { mistakes, file: resolve(file), has })];
  return findings.length === 0 ? normalize(values, resolve(file), text) : toProblems(findings, source);
}

function toFinding({ path, message }: v.BaseIssue<unknown>): Finding {
  const keys = (path ?? []).map(({ key }) => (typeof key === "number" ? key : String(key)));
  return { path: keys, message };
}

function toProblems(findings: readonly Finding[], { document, written }: Source): ConfigurationProblem[] {
  // A number can break several rules with one and the same sentence.
  const once = new Map(
    findings.map((finding) => [`${formatPath(finding.path)} ${finding.message}`, finding]),
  );
  return Array.from(once.values(), (finding) => ({ finding, offset: written.offsetOf(finding.path) }))
    .sort((one, other) => one.offset - other.offset)
    .slice(0, MAX_PROBLEMS)
    .map(({ finding: { path, message }, offset }) => ({
      path: formatPath(path),
      ...(written.has(document.reach(path)) && written.placeAt(offset)),
      message,
    }));
}
