import type { InputProblem } from "./contract.ts";

/** What is said with a {@linkcode Refusal} beside its sentence. */
export interface RefusalOptions extends ErrorOptions {
  /** Of HTTP. */
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly problems?: readonly InputProblem[];
}

/** A request that is not done: its status and one sentence for whoever asked. Caught in one place, which answers with it. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly problems: readonly InputProblem[] | undefined;

  constructor(message: string, options: RefusalOptions) {
    super(message, options);
    this.status = options.status;
    this.headers = options.headers ?? {};
    this.problems = options.problems;
  }
}

/** The most names that one sentence lists. */
const MAX_NAMES = 20;

/** Says what there is: `a, b and c`, at most 20 of them. */
export function listOf(names: readonly string[]): string {
  if (names.length === 0) return "none";
  const shown = names.slice(0, MAX_NAMES);
  const rest = names.length - shown.length;
  if (rest > 0) return `${shown.join(", ")} and ${rest} more`;
  const last = shown.pop() ?? "";
  return shown.length === 0 ? last : `${shown.join(", ")} and ${last}`;
}
