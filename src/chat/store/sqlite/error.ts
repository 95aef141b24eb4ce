import { StoreError, type StoreErrorCode } from "../contract.ts";

/** The only words about a failure that the runtimes have in common are SQLite's own. */
const CODES: readonly (readonly [part: string, code: StoreErrorCode])[] = [
  ["file is not a database", "damaged"],
  ["database disk image is malformed", "damaged"],
  ["malformed database schema", "damaged"],
  ["unsupported file format", "damaged"],
];

/** Wraps what SQLite or the file system threw while doing `action`, such as `write to /srv/chat`. */
export function toStoreError(cause: unknown, action: string): StoreError {
  if (cause instanceof StoreError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  // An entry that is no JSON.
  const damaged = cause instanceof SyntaxError ? "damaged" : undefined;
  const code = CODES.find(([part]) => message.includes(part))?.[1] ?? damaged ?? "unavailable";
  return new StoreError(code, `Cannot ${action}: ${message}`, { cause });
}

/** Whether SQLite said that another connection is in the way. */
export function isLocked(cause: unknown): boolean {
  return cause instanceof Error && cause.message.includes("database is locked");
}
