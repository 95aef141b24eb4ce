/** How one user stands to another: friends, asked and not answered yet, to be answered, or blocked. */
export type FriendState = "friend" | "outgoing" | "incoming" | "blocked";

/** One line of a user's list. */
export interface Friend {
  /** The other one. */
  readonly name: string;
  /** How they stand. */
  readonly state: FriendState;
}

/**
 * What a user can do about another one.
 *
 * - `request` asks; where the other one has asked, it accepts.
 * - `accept` answers a request.
 * - `remove` ends a friendship or a request of either side; without either it changes nothing.
 * - `block` ends it, too, and refuses messages, signals and requests of the other one until `unblock`.
 */
export type FriendAction = "request" | "accept" | "remove" | "block" | "unblock";

/**
 * What became of it.
 *
 * - `done`, with what the other one is to be told; absent when nothing changed or when they are not to know.
 * - `blocked`: the other one has blocked the user. `no_request`: there is nothing to accept. `full`: one of both has
 *   {@linkcode MAX_FRIENDS}, or, to `block`, the user has {@linkcode MAX_BLOCKED}.
 */
export type FriendResult =
  | { readonly outcome: "done"; readonly told?: "requested" | "accepted" | "removed" }
  | { readonly outcome: "unknown_user" | "blocked" | "no_request" | "full" };

/** The part of a store that knows who is whose friend. */
export interface FriendStore {
  /** Changes how `user` and `other`, who are two, stand to each other. To repeat it is harmless. */
  changeFriend(user: string, action: FriendAction, other: string): Promise<FriendResult>;
  /** Everybody to whom the user stands in some way, in the order of their names. */
  friends(user: string): Promise<readonly Friend[]>;
  /** Whether `from` may write to `to`. */
  mayWrite(from: string, to: string): Promise<"yes" | "blocked" | "unknown_user">;
}

/** Names in one user's list that are not blocked. */
export const MAX_FRIENDS = 1000;
/** Blocked names in one user's list: strangers' requests take them no room. */
export const MAX_BLOCKED = 1000;
