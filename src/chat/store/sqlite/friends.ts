import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { FriendAction, FriendResult, FriendState } from "../friend.ts";
import { changeRelation, isFull, type ListSize, type Relation } from "../relation.ts";
import type { Heads, LogHead, UserHead } from "./heads.ts";
import { numberIn, textIn } from "./row.ts";

/** Writes how users stand to each other. */
export class Friends {
  readonly #heads: Heads;
  readonly #select: StatementSync;
  readonly #count: StatementSync;
  readonly #upsert: StatementSync;
  readonly #remove: StatementSync;
  readonly #selectBlockers: StatementSync;

  constructor(database: DatabaseSync, heads: Heads) {
    this.#heads = heads;
    this.#select = database.prepare("SELECT state FROM friends WHERE user = ? AND other = ?");
    this.#count = database.prepare(`
      SELECT count(*) FILTER (WHERE state <> 'blocked') AS names, count(*) FILTER (WHERE state = 'blocked') AS blocked
      FROM friends WHERE user = ?`);
    this.#upsert = database.prepare("INSERT OR REPLACE INTO friends (user, other, state) VALUES (?, ?, ?)");
    this.#remove = database.prepare("DELETE FROM friends WHERE user = ? AND other = ?");
    this.#selectBlockers = database.prepare(`
      SELECT name FROM users JOIN friends ON friends.user = users.id
      WHERE state = 'blocked' AND (user = ?1 AND other = ?2 OR user = ?2 AND other = ?1)`);
  }

  /** @param pair The conversation of the two. */
  change(user: string, action: FriendAction, other: string, pair: string): FriendResult {
    const me = this.#heads.user(user);
    const them = this.#heads.user(other);
    if (!me || !them) return { outcome: "unknown_user" };
    const before: Relation = { mine: this.#stateOf(me, them), theirs: this.#stateOf(them, me) };
    const change = changeRelation(before, action);
    if (typeof change === "string") return { outcome: change };
    const { relation, told } = change;
    if (isFull(before.mine, relation.mine, () => this.#sizeOf(me))) return { outcome: "full" };
    if (isFull(before.theirs, relation.theirs, () => this.#sizeOf(them))) return { outcome: "full" };
    this.#set(me, them, before.mine, relation.mine);
    this.#set(them, me, before.theirs, relation.theirs);
    const log = this.#heads.findLog(pair);
    if (log) log.blockers = undefined;
    return told === undefined ? { outcome: "done" } : { outcome: "done", told };
  }

  /** Whether `receiver` has blocked `sender`. @param log That of the two. */
  isBlocked(log: LogHead, sender: UserHead, receiver: UserHead): boolean {
    log.blockers ??= this.#selectBlockers.all(sender.id, receiver.id).map((row) => textIn(row, "name"));
    return log.blockers.includes(receiver.name);
  }

  /** Whether `user` has blocked `other`, who may never have written to them. */
  hasBlocked(user: UserHead, other: UserHead): boolean {
    return this.#stateOf(user, other) === "blocked";
  }

  #stateOf(user: UserHead, other: UserHead): FriendState | undefined {
    const row = this.#select.get(user.id, other.id);
    // Only #set writes it.
    return row && (textIn(row, "state") as FriendState);
  }

  #sizeOf(user: UserHead): ListSize {
    const row = { ...this.#count.get(user.id) };
    return { names: numberIn(row, "names"), blocked: numberIn(row, "blocked") };
  }

  #set(
    user: UserHead,
    other: UserHead,
    before: FriendState | undefined,
    after: FriendState | undefined,
  ): void {
    if (before === after) return;
    if (after === undefined) this.#remove.run(user.id, other.id);
    else this.#upsert.run(user.id, other.id, after);
  }
}
