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
  if (text.length > MAX_LENGTH) {
    const message = `${text.length} characters are too many; ${MAX_LENGTH} are allowed`;
    return [{ path: "", line: 1, column: 1, message }];
  }
  const document = readJson(text);
  if ("message" in document) return [document];
  const result = v.safeParse(configurationSchema, document.value);
  const mistakes = (result.issues ?? []).map(toFinding);
  // What has no mistake in it has its shape, even where the whole has not.
  const values = result.output as FileValues;
  const has = (...path: string[]): boolean => document.has(path);
  const findings = [...mistakes, ...crossChecks(values, { mistakes, file: resolve(file), has })];
  return findings.length === 0 ? normalize(values, resolve(file), text) : toProblems(findings, document);
}

function toFinding({ path, message }: v.BaseIssue<unknown>): Finding {
  const keys = (path ?? []).map(({ key }) => (typeof key === "number" ? key : String(key)));
  return { path: keys, message };
}

function toProblems(findings: readonly Finding[], document: JsonDocument): ConfigurationProblem[] {
  // A number can break several rules with one and the same sentence.
  const once = new Map(
    findings.map((finding) => [`${formatPath(finding.path)} ${finding.message}`, finding]),
  );
  return Array.from(once.values(), (finding) => ({ finding, offset: document.offsetOf(finding.path) }))
    .sort((one, other) => one.offset - other.offset)
    .slice(0, MAX_PROBLEMS)
    .map(({ finding: { path, message }, offset }) => ({
      path: formatPath(path),
      ...document.placeAt(offset),
      message,
    }));
}
