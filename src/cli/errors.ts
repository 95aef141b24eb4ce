/** A mistake in flags, environment or configuration: one clear sentence, exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** A role could not start, or could not go on: one clear sentence, exit code 1. */
export class StartError extends Error {
  override readonly name = "StartError";
}
