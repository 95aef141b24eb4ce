import type { Ask } from "./ask_queue.ts";

/**
 * What the hub in the parent and its children say to each other on the topic `presence`. Both are the same program.
 *
 * - A child asks, the hub answers with the same number: for each ask its users' answers.
 * - A child that closes says `bye`: its users are gone, as when its channel breaks.
 * - The hub says who is `gone`; the child says `told` with the same number when it has passed that on.
 */
export type PresenceFrame =
  | { readonly type: "ask"; readonly number: number; readonly asks: readonly Ask[] }
  | { readonly type: "answer"; readonly number: number; readonly answers: readonly (readonly boolean[])[] }
  | { readonly type: "gone"; readonly number: number; readonly users: readonly string[] }
  | { readonly type: "told"; readonly number: number }
  | { readonly type: "bye" };

/** The topic of a channel between processes on which presence speaks. */
export const PRESENCE_TOPIC = "presence";

/** Whether a body is one of ours; what it holds is as we sent it. */
export function isPresenceFrame(body: unknown): body is PresenceFrame {
  return typeof body === "object" && body !== null && "type" in body && typeof body.type === "string";
}
