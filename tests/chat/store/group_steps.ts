import type { GroupChange, GroupResult, Store } from "../../../src/chat/store/mod.ts";

/** Changes of a group that tests make often. */
export const JOIN: GroupChange = { action: "join" };
export const LEAVE: GroupChange = { action: "leave" };
export const DELETE: GroupChange = { action: "delete" };
export const OPEN: GroupChange = { action: "create", mode: "open" };
export const CLOSED: GroupChange = { action: "create", mode: "invite" };

/** What became of a change: the outcome, who is told in the order of names, and who owns the group. */
function inShort(result: GroupResult): readonly unknown[] {
  return result.outcome === "done" ? [[...result.told].sort(), result.owner] : [result.outcome];
}

/** Does something to `#g` and says in short what became of it. */
export async function act(store: Store, by: string, change: GroupChange): Promise<readonly unknown[]> {
  return inShort(await store.changeGroup("#g", by, change));
}

/** Who is in `#g`, in the order of names, or why `by` may not know. */
export async function memberNames(store: Store, by: string): Promise<unknown> {
  const members = await store.memberNames("#g", by);
  return typeof members === "string" ? members : [...members].sort();
}
