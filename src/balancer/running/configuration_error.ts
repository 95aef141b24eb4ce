import { type ConfigurationProblem, formatProblem } from "../configuration/problem.ts";

/** A configuration cannot be used. Its message has a line for each problem. */
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
