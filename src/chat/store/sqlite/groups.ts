import type { DatabaseSync, StatementSync } from "node:sqlite";
import { type GroupChange, type GroupMode, type GroupResult, MAX_GROUPS, MAX_INVITATIONS } from "../group.ts";
import type { StoreLimits } from "../limits.ts";
import type { Friends } from "./friends.ts";
import type { GroupHead, GroupHeads } from "./group_heads.ts";
import type { Heads, UserHead } from "./heads.ts";
import { numberIn, textIn } from "./row.ts";

/** What groups are written with. */
export interface GroupParts {
  readonly heads: Heads;
  readonly groupHeads: GroupHeads;
  readonly friends: Friends;
}

/** Writes groups, their members and invitations. */
export class Groups {
  readonly #heads: Heads;
  readonly #groupHeads: GroupHeads;
  readonly #friends: Friends;
  readonly #maxMembers: number;
  readonly #insert: StatementSync;
  readonly #updateOwner: StatementSync;
  readonly #remove: StatementSync;
  readonly #insertMember: StatementSync;
  readonly #removeMember: StatementSync;
  readonly #insertInvitation: StatementSync;
  readonly #selectInvitation: StatementSync;
  readonly #removeInvitation: StatementSync;
  readonly #removeInvitations: StatementSync;
  readonly #countInvitations: StatementSync;
  readonly #countGroups: StatementSync;
  readonly #countInvitationsOf: StatementSync;

  constructor(
    database: DatabaseSync,
    { heads, groupHeads, friends }: GroupParts,
    { members }: Required<StoreLimits>,
  ) {
    this.#heads = heads;
    this.#groupHeads = groupHeads;
    this.#friends = friends;
    this.#maxMembers = members;
    this.#insert = database.prepare("INSERT INTO groups (conversation, mode, owner) VALUES (?, ?, ?)");
    this.#updateOwner = database.prepare("UPDATE groups SET owner = ? WHERE conversation = ?");
    this.#remove = database.prepare("DELETE FROM groups WHERE conversation = ?");
    this.#insertMember = database.prepare(`
      INSERT INTO members (conversation, user, number, joined, invited_by) VALUES (?1, ?2,
        (SELECT coalesce(max(number), 0) + 1 FROM members WHERE conversation = ?1), ?3, ?4)`);
    this.#removeMember = database.prepare("DELETE FROM members WHERE conversation = ? AND user = ?");
    this.#insertInvitation = database.prepare(
      "INSERT INTO invitations (conversation, user, invited_by) VALUES (?, ?, ?)",
    );
    this.#selectInvitation = database.prepare(
      "SELECT invited_by FROM invitations WHERE conversation = ? AND user = ?",
    );
    this.#removeInvitation = database.prepare("DELETE FROM invitations WHERE conversation = ? AND user = ?");
    this.#removeInvitations = database.prepare(`
      DELETE FROM invitations WHERE conversation = ?
      RETURNING (SELECT name FROM users WHERE users.id = invitations.user) AS name`);
    this.#countInvitations = database.prepare(
      "SELECT count(*) AS count FROM invitations WHERE conversation = ?",
    );
    this.#countGroups = database.prepare("SELECT count(*) AS count FROM members WHERE user = ?");
    this.#countInvitationsOf = database.prepare("SELECT count(*) AS count FROM invitations WHERE user = ?");
  }

  change(name: string, by: string, change: GroupChange): GroupResult {
    const user = this.#heads.user(by);
    if (!user) return { outcome: "unknown_user" };
    const group = this.#find(name);
    if (!group) {
      return change.action === "create"
        ? this.#create(name, user, change.mode)
        : { outcome: "unknown_group" };
    }
    switch (change.action) {
      case "create":
        return { outcome: "taken" };
      case "join":
        return this.#join(group, user);
      case "leave":
        return this.#leave(group, user);
      case "delete":
        return this.#delete(group, user);
      case "invite":
        return this.#invite(group, user, change.name);
      case "remove":
        return this.#removeOther(group, user, change.name);
    }
  }

  #find(name: string): GroupHead | undefined {
    const log = this.#heads.findLog(name);
    return log && this.#groupHeads.find(log);
  }

  #create(name: string, user: UserHead, mode: GroupMode): GroupResult {
    if (this.#hasTooMany(user)) return { outcome: "too_many" };
    const { id } = this.#heads.log(name);
    this.#insert.run(id, mode, user.id);
    const group: GroupHead = { id, name, mode, owner: user.name, members: new Set() };
    this.#groupHeads.add(group);
    this.#add(group, user, user.id);
    return { outcome: "done", told: [user.name], owner: group.owner };
  }

  #join(group: GroupHead, user: UserHead): GroupResult {
    if (group.members.has(user.name)) return unchanged(group);
    const inviter = this.#inviterOf(group, user);
    if (inviter === undefined && group.mode === "invite") return { outcome: "forbidden" };
    if (group.members.size >= this.#maxMembers) return { outcome: "full" };
    if (this.#hasTooMany(user)) return { outcome: "too_many" };
    this.#removeInvitation.run(group.id, user.id);
    this.#add(group, user, inviter ?? user.id);
    return { outcome: "done", told: [...group.members], owner: group.owner };
  }

  /** Who was invited only declines. */
  #leave(group: GroupHead, user: UserHead): GroupResult {
    if (group.members.has(user.name)) return this.#take(group, user);
    const declined = this.#removeInvitation.run(group.id, user.id).changes;
    if (!declined) return { outcome: "not_member" };
    return { outcome: "done", told: [user.name], owner: group.owner };
  }

  #delete(group: GroupHead, user: UserHead): GroupResult {
    const refusal = refuseOwnerAct(group, user);
    if (refusal) return refusal;
    const told = [...group.members];
    for (const name of told) this.#drop(group, name);
    return this.#end(group, told);
  }

  #invite(group: GroupHead, user: UserHead, name: string): GroupResult {
    if (!group.members.has(user.name)) return { outcome: "not_member" };
    const invited = this.#heads.user(name);
    if (!invited) return { outcome: "unknown_user" };
    if (group.members.has(name) || this.#inviterOf(group, invited) !== undefined) {
      return unchanged(group);
    }
    const invitations = numberIn({ ...this.#countInvitations.get(group.id) }, "count");
    if (group.members.size >= this.#maxMembers || invitations >= this.#maxMembers) return { outcome: "full" };
    if (this.#friends.hasBlocked(invited, user)) return { outcome: "blocked" };
    const open = numberIn({ ...this.#countInvitationsOf.get(invited.id) }, "count");
    if (open >= MAX_INVITATIONS) return { outcome: "too_many" };
    this.#insertInvitation.run(group.id, invited.id, user.id);
    return { outcome: "done", told: [user.name, name], owner: group.owner };
  }

  /** Of who was only invited, the invitation is taken back. */
  #removeOther(group: GroupHead, user: UserHead, name: string): GroupResult {
    const refusal = refuseOwnerAct(group, user);
    if (refusal) return refusal;
    const other = this.#heads.user(name);
    if (!other) return { outcome: "unknown_user" };
    if (group.members.has(name)) return this.#take(group, other);
    const isTakenBack = this.#removeInvitation.run(group.id, other.id).changes;
    if (!isTakenBack) return { outcome: "unknown_user" };
    return { outcome: "done", told: [user.name, name], owner: group.owner };
  }

  #add(group: GroupHead, user: UserHead, invitedBy: number): void {
    const log = this.#heads.log(group.name);
    this.#insertMember.run(group.id, user.id, log.top, invitedBy);
    this.#heads.setMark(user, log, { seq: log.top, read: log.top, delivered: log.top });
    group.members.add(user.name);
  }

  /** Takes a member out of a group. The longest there of the others owns it then, if it was theirs; without any it ends. */
  #take(group: GroupHead, user: UserHead): GroupResult {
    const told = [...group.members];
    this.#drop(group, user.name);
    const [longest] = group.members;
    if (longest === undefined) return this.#end(group, told);
    if (group.owner === user.name) this.#give(group, longest);
    return { outcome: "done", told, owner: group.owner };
  }

  #give(group: GroupHead, name: string): void {
    const owner = this.#heads.user(name);
    if (!owner) return;
    this.#updateOwner.run(owner.id, group.id);
    group.owner = name;
  }

  #drop(group: GroupHead, name: string): void {
    const user = this.#heads.user(name);
    if (!user) return;
    this.#removeMember.run(group.id, user.id);
    this.#heads.removeMark(user, this.#heads.log(group.name));
    group.members.delete(name);
  }

  /** Its conversation stays, so that a group made again under the name goes on counting. */
  #end(group: GroupHead, told: readonly string[]): GroupResult {
    const uninvited = this.#removeInvitations.all(group.id).map((row) => textIn(row, "name"));
    this.#remove.run(group.id);
    this.#groupHeads.remove(group);
    return uninvited.length > 0 ? { outcome: "done", told, uninvited } : { outcome: "done", told };
  }

  #inviterOf(group: GroupHead, user: UserHead): number | undefined {
    const row = this.#selectInvitation.get(group.id, user.id);
    return row && numberIn(row, "invited_by");
  }

  #hasTooMany(user: UserHead): boolean {
    return numberIn({ ...this.#countGroups.get(user.id) }, "count") >= MAX_GROUPS;
  }
}

function unchanged({ owner }: GroupHead): GroupResult {
  return { outcome: "done", told: [], owner };
}

function refuseOwnerAct(group: GroupHead, user: UserHead): GroupResult | undefined {
  if (!group.members.has(user.name)) return { outcome: "not_member" };
  return group.owner === user.name ? undefined : { outcome: "forbidden" };
}
