import type { PresenceOptions } from "./contract.ts";

/** Calls `onGone` with those who have not come back to this server meanwhile. What it throws goes to `onError`. */
export function reportGone(
  users: readonly string[],
  held: ReadonlySet<string>,
  { onGone, onError }: PresenceOptions,
): void {
  const gone = users.filter((user) => !held.has(user));
  if (gone.length === 0) return;
  try {
    onGone(gone);
  } catch (error) {
    onError(error, { during: "gone" });
  }
}
