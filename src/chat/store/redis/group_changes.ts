import { partitionOf } from "../../../redis/mod.ts";
import { StoreError } from "../contract.ts";
import { type GroupChange, type GroupResult, MAX_GROUPS } from "../group.ts";
import type { RedisStoreContext } from "./context.ts";
import type { Deliveries } from "./deliveries.ts";
import { toStoreError } from "./error.ts";
import { CHANGE_GROUP_SCRIPT, STRIKE_GROUP_SCRIPT } from "./group_scripts.ts";
import { markField } from "./keys.ts";
import { COUNT_SCRIPT, LEARN_GROUP_SCRIPT } from "./list_scripts.ts";
import { groupItem } from "./owed.ts";
import { toPairs } from "./pairs.ts";
import { toList, toText, toTexts } from "./reply.ts";

/** Users that learn about a group at once. */
const LEARNERS = 128;
/** How often a change is tried that waits for one who has just left. */
const MAX_TRIES = 3;

/** What {@linkcode CHANGE_GROUP_SCRIPT} said. */
interface Reply {
  readonly outcome: string;
  readonly owner: string;
  readonly told: readonly string[];
}

/** Changes groups: the truth is with the conversation, users' lists and marks are made to agree with it. */
export class GroupChanges {
  readonly #context: RedisStoreContext;
  readonly #deliveries: Deliveries;

  constructor(context: RedisStoreContext, deliveries: Deliveries) {
    this.#context = context;
    this.#deliveries = deliveries;
  }

  /** See `GroupStore.changeGroup`. */
  async change(group: string, by: string, change: GroupChange): Promise<GroupResult> {
    const hasTooMany = await this.#hasTooMany(change, by);
    if (hasTooMany === undefined) return { outcome: "unknown_user" };
    const user = "name" in change ? change.name : by;
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const reply = await this.#ask(group, by, change, hasTooMany);
      if (reply.outcome !== "o") return await this.#conclude(group, user, reply);
      await this.settle(group, [user]);
    }
    throw new StoreError("unavailable", `Cannot change ${group}: ${user} leaves it all the time`);
  }

  /**
   * Lets users learn what they are owed to know about a group: who has left gets what was sent before, then the lists are written.
   *
   * @param users Absent: all of them.
   * @throws {StoreError} `unavailable` when one of them could not; the others have.
   */
  async settle(group: string, users?: readonly string[]): Promise<void> {
    const changes = await this.#changes(group, users);
    let failure: unknown;
    for (let start = 0; start < changes.length; start += LEARNERS) {
      const some = changes.slice(start, start + LEARNERS);
      const outcomes = await Promise.allSettled(
        some.map(([user, change]) => this.#learn(group, user, change)),
      );
      const learned = some.filter((_, index) => outcomes[index]?.status === "fulfilled");
      failure ??= outcomes.find((outcome) => outcome.status === "rejected")?.reason;
      await this.#strike(group, learned);
    }
    if (changes.length === 0) await this.#strike(group, []);
    if (failure !== undefined) throw toStoreError(failure, `tell the members of ${group}`);
  }

  async #changes(
    group: string,
    users: readonly string[] | undefined,
  ): Promise<readonly (readonly [string, string])[]> {
    const { keyspace, keys, deadlineMs } = this.#context;
    const key = keys.changes(group);
    if (users === undefined) return toPairs(await keyspace.command(key, ["HGETALL", key], { deadlineMs }));
    const changes = toTexts(await keyspace.command(key, ["HMGET", key, ...users], { deadlineMs }));
    return users.flatMap((user, index) => (changes[index] ? [[user, changes[index]] as const] : []));
  }

  async #ask(group: string, by: string, change: GroupChange, hasTooMany: boolean): Promise<Reply> {
    const { keyspace, keys, limits, deadlineMs } = this.#context;
    const names = [keys.conv(group), keys.members(group), keys.invites(group), keys.changes(group)];
    names.push(keys.owed(partitionOf(group)));
    const name = "name" in change ? change.name : "";
    const mode = "mode" in change ? change.mode : "";
    const args = [change.action, by, name, mode, `${limits.members}`, groupItem(group)];
    args.push(hasTooMany ? "1" : "0");
    const reply = await keyspace.script(CHANGE_GROUP_SCRIPT, names, args, { deadlineMs });
    const [outcome, owner, told] = toList(reply);
    return { outcome: toText(outcome), owner: toText(owner), told: toTexts(told) };
  }

  async #conclude(group: string, user: string, { outcome, owner, told }: Reply): Promise<GroupResult> {
    // Only the script says what came of it.
    if (outcome !== "done") return { outcome: outcome as Exclude<GroupResult["outcome"], "done"> };
    // Also where it was so already: whoever changed it may still wait for that.
    await this.#context.confirm(this.#context.keys.conv(group));
    if (told.length > 0) await this.#trySettle(group, owner === "" ? undefined : [user]);
    return owner === "" ? { outcome: "done", told } : { outcome: "done", told, owner };
  }

  /** What does not succeed now is owed. */
  async #trySettle(group: string, users: readonly string[] | undefined): Promise<void> {
    try {
      await this.settle(group, users);
    } catch (error) {
      this.#context.onError(toStoreError(error, "change a group"), { during: "write" });
    }
  }

  /** Whether the one who would get another group has too many; undefined when there is no such user. Calls at once may pass the limit. */
  async #hasTooMany(change: GroupChange, by: string): Promise<boolean | undefined> {
    switch (change.action) {
      case "leave":
      case "delete":
      case "remove":
        return false;
      case "create":
      case "join":
      case "invite": {
        const { reads, keys, deadlineMs } = this.#context;
        const user = change.action === "invite" ? change.name : by;
        const names = [keys.mark(user), keys.groups(user)];
        const count = Number(await reads.script(COUNT_SCRIPT, names, [], { deadlineMs }));
        return count < 0 ? undefined : count >= MAX_GROUPS;
      }
    }
  }

  async #learn(group: string, user: string, change: string): Promise<void> {
    const { keyspace, keys, deadlineMs } = this.#context;
    const [kind, version = "0", seq = "0", stamp = "0", joined = "0", joinedStamp = "0", by = ""] =
      change.split(" ");
    if (kind === "l") {
      const member = { name: user, joined: Number(joined), stamp: joinedStamp };
      await this.#deliveries.bringTo(group, member, { seq: Number(seq), stamp });
    }
    const place = kind === "m" || kind === "l" ? seq : "-";
    const args = [group, STATES[kind ?? ""] ?? "gone", version, by, markField(group), place, stamp];
    await keyspace.script(LEARN_GROUP_SCRIPT, [keys.groups(user), keys.mark(user)], args, { deadlineMs });
  }

  async #strike(group: string, learned: readonly (readonly [string, string])[]): Promise<void> {
    const { keyspace, keys, deadlineMs } = this.#context;
    const partition = partitionOf(group);
    const names = [keys.changes(group), keys.owed(partition), keys.tries(partition), keys.aside(partition)];
    await keyspace.script(STRIKE_GROUP_SCRIPT, names, [groupItem(group), ...learned.flat()], { deadlineMs });
  }
}

/** What a list says for each kind of change. */
const STATES: Readonly<Record<string, string>> = { m: "member", i: "invited", l: "gone", x: "gone" };
