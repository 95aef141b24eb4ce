/** What was thrown, as an error. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error
    ? thrown
    : new Error(`Cannot go on: ${String(thrown)} was thrown`, { cause: thrown });
}

/** Throws where no connection and no caller can be hurt: as an uncaught error. For bugs that nobody else can be told of. */
export function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
