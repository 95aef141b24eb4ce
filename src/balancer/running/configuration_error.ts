import { type ConfigurationProblem, formatProblem } from "../configuration/problem.ts";

/**
 * A configuration cannot be used. Its message has a line for each problem.
 *
 * @example A configuration that cannot be used ends the program
 * ```ts
 * import assert from "node:assert/strict";
 * import { type BalancerConfiguration, ConfigurationError, parseConfiguration } from "chorus";
 *
 * function read(text: string): BalancerConfiguration {
 *   const configuration = parseConfiguration(text, "chorus.json");
 *   if (Array.isArray(configuration)) throw new ConfigurationError(configuration, "chorus.json");
 *   return configuration;
 * }
 * assert.throws(() => read('{ "frontend": {} }'), /^ConfigurationError: chorus\.json:1:15: frontend: there is no such key/);
 * ```
 */
export class ConfigurationError extends Error {
  /** Tells it from other errors. */
  override readonly name = "ConfigurationError";
  /** What is wrong, and where. */
  readonly problems: readonly ConfigurationProblem[];

  /** Puts all that is wrong into one message. @param file The file that it was read from. */
  constructor(problems: readonly ConfigurationProblem[], file: string) {
    super(problems.map((problem) => formatProblem(problem, file)).join("\n"));
    this.problems = problems;
  }
}
