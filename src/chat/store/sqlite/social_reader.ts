import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Friend, FriendState } from "../friend.ts";
import type { GroupEntry, GroupMember, Page } from "../group.ts";
import { numberIn, type Row, textIn } from "./row.ts";

/** Reads friends and groups as a writer has committed them. */
export class SocialReader {
  readonly #selectFriends: StatementSync;
  readonly #selectWay: StatementSync;
  readonly #selectGroups: StatementSync;
  readonly #selectGroup: StatementSync;
  readonly #selectMembers: StatementSync;
  readonly #selectNames: StatementSync;

  constructor(database: DatabaseSync) {
    const userId = "(SELECT id FROM users WHERE name = ?1)";
    this.#selectFriends = database.prepare(`
      SELECT name, state FROM friends JOIN users ON users.id = other WHERE user = ${userId} ORDER BY name`);
    this.#selectWay = database.prepare(`
      SELECT coalesce(${userId}, 0) AS sender, coalesce(receiver, 0) AS receiver,
        (SELECT count(*) FROM friends WHERE user = receiver AND other = ${userId} AND state = 'blocked') AS blocked
      FROM (SELECT (SELECT id FROM users WHERE name = ?2) AS receiver)`);
    this.#selectGroups = database.prepare(`
      SELECT name, state, (SELECT name FROM users WHERE users.id = invited_by) AS inviter FROM (
        SELECT conversation, 'member' AS state, invited_by FROM members WHERE user = ${userId}
        UNION ALL
        SELECT conversation, 'invited', invited_by FROM invitations WHERE user = ${userId}
      ) JOIN conversations ON conversations.id = conversation WHERE name > ?2 ORDER BY name LIMIT ?3`);
    this.#selectGroup = database.prepare(`
      SELECT conversation AS id, (SELECT name FROM users WHERE users.id = owner) AS owner,
        (SELECT count(*) FROM members WHERE members.conversation = groups.conversation
          AND user = (SELECT id FROM users WHERE name = ?2)) AS is_member
      FROM groups WHERE conversation = (SELECT id FROM conversations WHERE name = ?1)`);
    this.#selectMembers = database.prepare(`
      SELECT name, iif(read > joined, read, 0) AS read, iif(delivered > joined, delivered, 0) AS delivered
      FROM members JOIN users ON users.id = members.user
        LEFT JOIN marks ON marks.user = members.user AND marks.conversation = members.conversation
      WHERE members.conversation = ? AND name > ? ORDER BY name LIMIT ?`);
    this.#selectNames = database.prepare(
      "SELECT name FROM members JOIN users ON users.id = user WHERE conversation = ? ORDER BY number",
    );
  }

  friends(user: string): Friend[] {
    // Only Friends writes the state.
    return this.#selectFriends
      .all(user)
      .map((row) => ({ name: textIn(row, "name"), state: textIn(row, "state") as FriendState }));
  }

  mayWrite(from: string, to: string): "yes" | "blocked" | "unknown_user" {
    const row = { ...this.#selectWay.get(from, to) };
    if (numberIn(row, "sender") === 0 || numberIn(row, "receiver") === 0) return "unknown_user";
    return numberIn(row, "blocked") > 0 ? "blocked" : "yes";
  }

  groups(user: string, after: string, limit: number): Page<GroupEntry> {
    return toPage(this.#selectGroups.all(user, after, limit + 1), limit, (row) => ({
      group: textIn(row, "name"),
      state: textIn(row, "state") === "member" ? "member" : "invited",
      by: textIn(row, "inviter"),
    }));
  }

  members(
    group: string,
    by: string,
    after: string,
    limit: number,
  ): Page<GroupMember> | "unknown_group" | "not_member" {
    const found = this.#find(group, by);
    if (typeof found === "string") return found;
    return toPage(this.#selectMembers.all(found.id, after, limit + 1), limit, (row) => {
      const name = textIn(row, "name");
      const { delivered, read } = { delivered: numberIn(row, "delivered"), read: numberIn(row, "read") };
      return { name, isOwner: name === found.owner, delivered, read };
    });
  }

  names(group: string, by: string): string[] | "unknown_group" | "not_member" {
    const found = this.#find(group, by);
    if (typeof found === "string") return found;
    return this.#selectNames.all(found.id).map((row) => textIn(row, "name"));
  }

  #find(group: string, by: string): { id: number; owner: string } | "unknown_group" | "not_member" {
    const row = this.#selectGroup.get(group, by);
    if (!row) return "unknown_group";
    if (numberIn(row, "is_member") === 0) return "not_member";
    return { id: numberIn(row, "id"), owner: textIn(row, "owner") };
  }
}

/** @param rows One more than `limit`, if there are more. */
function toPage<T>(rows: readonly Row[], limit: number, toEntry: (row: Row) => T): Page<T> {
  return { entries: rows.slice(0, limit).map(toEntry), more: rows.length > limit };
}
