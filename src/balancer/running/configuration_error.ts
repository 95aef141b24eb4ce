import { type ConfigurationProblem, formatProblem } from "../configuration/problem.ts";

/** A configuration cannot be used. Its message has a line for each problem. */
export class ConfigurationError extends Error {
  override readonly name = "ConfigurationError";
  readonly problems: readonly ConfigurationProblem[];

  constructor(problems: readonly ConfigurationProblem[], file: string) {
    super(problems.map((problem) => formatProblem(problem, file)).join("\n"));
    this.problems = problems;
  }
}
