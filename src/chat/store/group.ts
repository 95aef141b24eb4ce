/** Who may join a group: anybody, or who was invited. */
export type GroupMode = "open" | "invite";

/** What can be done to a group. `name` is the one it is done to; absent where that is oneself. */
export type GroupChange =
  | { readonly action: "create"; readonly mode: GroupMode }
  | { readonly action: "join" | "leave" | "delete" }
  | { readonly action: "invite" | "remove"; readonly name: string };

/**
 * What became of it.
 *
 * - `done`: `told` are to know, the one who did it included; nobody when nothing changed. After `leave`, `remove` and `delete` those who are
 *   members no longer are among them. `owner` is who owns the group now; absent once it is gone.
 * - `unknown_group`: there is none, or none that the user may know of. `taken`: there is one of that name.
 * - `not_member`: who does it is none; `forbidden`: a member, but not the owner, or not invited.
 * - `unknown_user`: the one it is done to does not exist, or for `remove` is no member.
 * - `blocked`: the one who is invited has blocked the one who invites.
 * - `full`: the group has {@linkcode MAX_MEMBERS}. `too_many`: the user is in {@linkcode MAX_GROUPS} already; for `invite`, has
 *   {@linkcode MAX_INVITATIONS}.
 */
export type GroupResult =
  | {
      readonly outcome: "done";
      readonly told: readonly string[];
      readonly owner?: string;
      /** Who was invited to a group that is over by it; absent where nobody was. */
      readonly uninvited?: readonly string[];
    }
  | {
      readonly outcome:
        | "unknown_group"
        | "taken"
        | "not_member"
        | "forbidden"
        | "unknown_user"
        | "blocked"
        | "full"
        | "too_many";
    };

/** A group in a user's list. */
export interface GroupEntry {
  /** Its name, with its #. */
  readonly group: string;
  /** Whether the user is in it, or may come in. */
  readonly state: "member" | "invited";
  /** Who invited the user; for a group whose member the user is, themselves or who once did. */
  readonly by: string;
}

/** A member in a group's list. */
export interface GroupMember {
  /** Who it is. */
  readonly name: string;
  /** Whether the group is theirs. */
  readonly isOwner: boolean;
  /** The newest message that a device of the member has acknowledged; 0 while there is none since they joined. */
  readonly delivered: number;
  /** The newest message that the member has read; 0 while there is none since they joined. */
  readonly read: number;
}

/** Part of a list, in the order of names. */
export interface Page<T> {
  /** The part. */
  readonly entries: readonly T[];
  /** Whether the list goes on. */
  readonly more: boolean;
}

/**
 * The part of a store that knows groups.
 *
 * A group is named with its `#`. A member has what was sent after they joined, and nothing that was sent after they left: changes of members
 * and messages have one order. A new owner is the member who has been there the longest; a group without a member is gone. A group that is
 * gone leaves its numbers: one made again under its name goes on counting, and its members see nothing of the old one.
 */
export interface GroupStore {
  /** Does something to a group. To repeat it is harmless. */
  changeGroup(group: string, by: string, change: GroupChange): Promise<GroupResult>;
  /** The groups and invitations of a user whose names come after `after`. */
  groups(user: string, after: string, limit: number): Promise<Page<GroupEntry>>;
  /** The members whose names come after `after`, as a member sees them. */
  groupMembers(
    group: string,
    by: string,
    after: string,
    limit: number,
  ): Promise<Page<GroupMember> | "unknown_group" | "not_member">;
  /** The names of all members, as a member sees them. */
  memberNames(group: string, by: string): Promise<readonly string[] | "unknown_group" | "not_member">;
}

/** Members of one group. */
export const MAX_MEMBERS = 1000;
/** Groups of which one user is a member. */
export const MAX_GROUPS = 1000;
/** Invitations of one user that are neither taken nor declined. They take no room from the groups: others fill it. */
export const MAX_INVITATIONS = 200;
