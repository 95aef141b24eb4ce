/**
 * Configurations for tests, as text and as values.
 *
 * @module
 */
import { assert } from "@std/assert";
import type { BalancerConfiguration } from "../../../src/balancer/configuration/contract.ts";
import { parseConfiguration } from "../../../src/balancer/configuration/parse.ts";
import type { ConfigurationProblem } from "../../../src/balancer/configuration/problem.ts";

/** Where the configurations of tests are said to be. */
export const FILE = "/etc/chorus/chorus.json";

/** Parses what must be right. */
export function parsed(value: unknown): BalancerConfiguration {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const result = parseConfiguration(text, FILE);
  assert(!Array.isArray(result), JSON.stringify(result));
  return result as BalancerConfiguration;
}

/** Parses what must be wrong. */
export function problemsOf(value: unknown): ConfigurationProblem[] {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const result = parseConfiguration(text, FILE);
  assert(Array.isArray(result), `no problem in ${text}`);
  return result;
}

/** The paths and sentences of what must be wrong. */
export function wordsOf(value: unknown): string[] {
  return problemsOf(value).map(({ path, message }) => `${path}: ${message}`);
}

/** A file with one frontend and one pool, which say more than they must. */
export function file(
  frontend: object = {},
  pool: object = {},
  rest: object = {},
): Readonly<Record<string, unknown>> {
  return {
    frontends: { main: { listen: "127.0.0.1:7000", pool: "web", ...frontend } },
    pools: { web: { backends: ["10.0.0.1:80"], ...pool } },
    ...rest,
  };
}
