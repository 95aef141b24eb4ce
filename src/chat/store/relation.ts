import { type FriendAction, type FriendState, MAX_BLOCKED, MAX_FRIENDS } from "./friend.ts";

/** How two users stand to each other: a line of each one's list; absent where there is none. */
export interface Relation {
  /** How the one who asks has the other in their list. */
  readonly mine: FriendState | undefined;
  /** How the other one has them. */
  readonly theirs: FriendState | undefined;
}

/** What an action makes of a relation: another one, or why not. */
export type RelationChange =
  | { readonly relation: Relation; readonly told?: "requested" | "accepted" | "removed" }
  | "blocked"
  | "no_request";

/** How many names are in a user's list. */
export interface ListSize {
  /** Those that are not blocked. */
  readonly names: number;
  readonly blocked: number;
}

/**
 * Whether a list has no room for what a line is to become.
 *
 * @param sizeOf Counts the list with the line as it is before; called only where that matters.
 */
export function isFull(
  before: FriendState | undefined,
  after: FriendState | undefined,
  sizeOf: () => ListSize,
): boolean {
  if (after === undefined || after === before) return false;
  if (after === "blocked") return sizeOf().blocked >= MAX_BLOCKED;
  return before === undefined && sizeOf().names >= MAX_FRIENDS;
}

const FRIENDS: Relation = { mine: "friend", theirs: "friend" };
const ASKED: Relation = { mine: "outgoing", theirs: "incoming" };
const NOTHING: Relation = { mine: undefined, theirs: undefined };

/** What an action of the user whose line is `mine` makes of a relation. */
export function changeRelation(relation: Relation, action: FriendAction): RelationChange {
  const { mine, theirs } = relation;
  switch (action) {
    case "request":
      return request(relation);
    case "accept":
      return accept(relation);
    case "remove":
      return mine === undefined || mine === "blocked" ? { relation } : { relation: NOTHING, told: "removed" };
    case "block":
      return { relation: { mine: "blocked", theirs: theirs === "blocked" ? theirs : undefined } };
    case "unblock":
      return { relation: mine === "blocked" ? { mine: undefined, theirs } : relation };
  }
}

/** Who has blocked somebody must unblock them first. */
function request(relation: Relation): RelationChange {
  const { mine, theirs } = relation;
  if (theirs === "blocked" || mine === "blocked") return "blocked";
  if (mine === "incoming") return { relation: FRIENDS, told: "accepted" };
  return mine === undefined ? { relation: ASKED, told: "requested" } : { relation };
}

function accept(relation: Relation): RelationChange {
  if (relation.mine === "incoming") return { relation: FRIENDS, told: "accepted" };
  return relation.mine === "friend" ? { relation } : "no_request";
}
