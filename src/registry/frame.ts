import type { Announcement } from "./contract.ts";

/**
 * What the parent's registry and its children say to each other on the topic `registry`. Both are the same program.
 *
 * - A child says `announce`, also for a change; `goodbye` ends it.
 * - A child says `watch`; from then on the parent says `seen` and `left`, at first for all who are there.
 * - Both are answered by `done` with the same number, after all that belongs to it.
 */
export type RegistryFrame =
  | { readonly type: "announce"; readonly ask: number; readonly announcement: Announcement }
  | { readonly type: "goodbye"; readonly id: string }
  | { readonly type: "watch"; readonly ask: number }
  | { readonly type: "done"; readonly ask: number }
  | { readonly type: "seen"; readonly announcement: Announcement }
  | { readonly type: "left"; readonly id: string; readonly reason: "goodbye" | "expired" };

/** The topic of a channel between processes on which the registry speaks. */
export const REGISTRY_TOPIC = "registry";

/** Whether a body is one of ours; what it holds is as we sent it. */
export function isRegistryFrame(body: unknown): body is RegistryFrame {
  return typeof body === "object" && body !== null && "type" in body && typeof body.type === "string";
}
