/** Lets a test fail by something that nobody expected. */
export function unexpected(what: unknown): never {
  throw what instanceof Error ? what : new Error(`unexpected: ${String(what)}`);
}
