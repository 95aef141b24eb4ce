import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { GroupMode } from "../group.ts";
import type { LogHead } from "./heads.ts";
import { Kept } from "./kept.ts";
import { textIn } from "./row.ts";

/** A group as the writer knows it. */
export interface GroupHead {
  readonly id: number;
  readonly name: string;
  readonly mode: GroupMode;
  owner: string;
  /** Their names, the longest there first. */
  readonly members: Set<string>;
}

/** Groups that are kept at most; each holds the names of all members. */
const MAX_KEPT = 400;

/** The groups and their members: what every send to one needs. Kept, changed and forgotten like {@linkcode Heads}. */
export class GroupHeads {
  readonly #groups = new Kept<GroupHead>(MAX_KEPT);
  readonly #select: StatementSync;
  readonly #selectMembers: StatementSync;

  constructor(database: DatabaseSync) {
    this.#select = database.prepare(`
      SELECT mode, name AS owner FROM groups JOIN users ON users.id = groups.owner WHERE conversation = ?`);
    this.#selectMembers = database.prepare(`
      SELECT name FROM members JOIN users ON users.id = members.user
      WHERE conversation = ? ORDER BY number`);
  }

  /** The group whose log that is; undefined when there is none, or no longer. */
  find({ id, name }: LogHead): GroupHead | undefined {
    const kept = this.#groups.get(name);
    if (kept) return kept;
    const row = this.#select.get(id);
    if (!row) return undefined;
    const members = new Set(this.#selectMembers.all(id).map((member) => textIn(member, "name")));
    // Only Groups writes the mode.
    const mode = textIn(row, "mode") as GroupMode;
    return this.#groups.set(name, { id, name, mode, owner: textIn(row, "owner"), members });
  }

  /** Keeps a group that has just been made. */
  add(group: GroupHead): void {
    this.#groups.set(group.name, group);
  }

  remove(group: GroupHead): void {
    this.#groups.delete(group.name);
  }

  forget(): void {
    this.#groups.clear();
  }
}
