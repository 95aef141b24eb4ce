import { partitionOf } from "../../../redis/mod.ts";
import { StoreError } from "../contract.ts";
import type { FriendStore } from "../friend.ts";
import { type GroupChange, type GroupResult, MAX_GROUPS, MAX_INVITATIONS } from "../group.ts";
import type { Background } from "./background.ts";
import { beginWriting } from "./confirming.ts";
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

/** Why a user can have no more groups, or no invitation. */
type Obstacle = "too_many" | "blocked";

/** What {@linkcode CHANGE_GROUP_SCRIPT} said. */
interface Reply {
  readonly outcome: string;
  readonly owner: string;
  readonly told: readonly string[];
  readonly uninvited: readonly string[];
}

/** What {@linkcode GroupChanges} works with. */
export interface GroupParts {
  readonly background: Background;
  readonly deliveries: Deliveries;
  readonly friends: Pick<FriendStore, "mayWrite">;
}

/** Those who have learned what they are owed to know about a group. */
interface Told {
  readonly learned: readonly (readonly [user: string, change: string])[];
  /** Waits until their lists are as durable as the store promises. */
  confirmLists(): Promise<void>;
  /** Why others have not. */
  readonly failure: unknown;
}

/** Changes groups: the truth is with the conversation, users' lists and marks are made to agree with it. */
export class GroupChanges {
  readonly #context: RedisStoreContext;
  readonly #background: Background;
  readonly #deliveries: Deliveries;
  readonly #friends: Pick<FriendStore, "mayWrite">;

  constructor(context: RedisStoreContext, { background, deliveries, friends }: GroupParts) {
    this.#context = context;
    this.#background = background;
    this.#deliveries = deliveries;
    this.#friends = friends;
  }

  /** See `GroupStore.changeGroup`. */
  async change(group: string, by: string, change: GroupChange): Promise<GroupResult> {
    const obstacle = await this.#obstacle(change, by);
    if (obstacle === "unknown_user") return { outcome: obstacle };
    const user = "name" in change ? change.name : by;
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const reply = await this.#ask(group, by, change, obstacle);
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
    const told = await this.#tell(group, users);
    await this.#strikeTold(group, told);
    if (told.failure !== undefined) throw toStoreError(told.failure, `tell the members of ${group}`);
  }

  async #tell(group: string, users: readonly string[] | undefined): Promise<Told> {
    const changes = await this.#changes(group, users);
    const confirmLists = beginWriting(
      this.#context,
      changes.values().map(([user]) => user),
    );
    const learned: (readonly [string, string])[] = [];
    let failure: unknown;
    for (let start = 0; start < changes.length; start += LEARNERS) {
      const some = changes.slice(start, start + LEARNERS);
      const outcomes = await Promise.allSettled(
        some.map(([user, change]) => this.#learn(group, user, change)),
      );
      learned.push(...some.filter((_, index) => outcomes[index]?.status === "fulfilled"));
      failure ??= outcomes.find((outcome) => outcome.status === "rejected")?.reason;
    }
    return { learned, confirmLists, failure };
  }

  async #strikeTold(group: string, { learned, confirmLists }: Told): Promise<void> {
    await confirmLists();
    // Also where nobody had to learn anything: that there is nothing owed.
    for (let start = 0; start === 0 || start < learned.length; start += LEARNERS)
      await this.#strike(group, learned.slice(start, start + LEARNERS));
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

  async #ask(group: string, by: string, change: GroupChange, obstacle: Obstacle | undefined): Promise<Reply> {
    const { keyspace, keys, limits, deadlineMs } = this.#context;
    const names = [keys.conv(group), keys.members(group), keys.invites(group), keys.changes(group)];
    names.push(keys.owed(partitionOf(group)));
    const name = "name" in change ? change.name : "";
    const mode = "mode" in change ? change.mode : "";
    const args = [change.action, by, name, mode, `${limits.members}`, groupItem(group)];
    args.push(obstacle ?? "");
    const reply = await keyspace.script(CHANGE_GROUP_SCRIPT, names, args, { deadlineMs });
    const [outcome, owner, told, uninvited] = toList(reply);
    return {
      outcome: toText(outcome),
      owner: toText(owner),
      told: toTexts(told),
      uninvited: toTexts(uninvited),
    };
  }

  async #conclude(group: string, user: string, reply: Reply): Promise<GroupResult> {
    const { outcome, owner, told, uninvited } = reply;
    // Only the script says what came of it.
    if (outcome !== "done") return { outcome: outcome as Exclude<GroupResult["outcome"], "done"> };
    // Also where it was so already: whoever changed it may still wait for that.
    await this.#context.confirm(this.#context.keys.conv(group));
    if (told.length > 0) await this.#trySettle(group, owner === "" ? undefined : [user]);
    if (owner !== "") return { outcome: "done", told, owner };
    return uninvited.length > 0 ? { outcome: "done", told, uninvited } : { outcome: "done", told };
  }

  /** What does not succeed now is owed. */
  async #trySettle(group: string, users: readonly string[] | undefined): Promise<void> {
    try {
      const told = await this.#tell(group, users);
      this.#background.run(() => this.#strikeTold(group, told));
      if (told.failure !== undefined) throw told.failure;
    } catch (error) {
      this.#context.onError(toStoreError(error, "change a group"), { during: "write" });
    }
  }

  /** What is in the way of a change, unless the group says something else first. Calls at once may pass it. */
  async #obstacle(change: GroupChange, by: string): Promise<Obstacle | "unknown_user" | undefined> {
    switch (change.action) {
      case "leave":
      case "delete":
      case "remove":
        return undefined;
      case "create":
      case "join":
        return this.#obstacleOf(by, "member", MAX_GROUPS);
      case "invite": {
        const [full, answer] = await Promise.all([
          this.#obstacleOf(change.name, "invited", MAX_INVITATIONS),
          this.#friends.mayWrite(by, change.name),
        ]);
        return answer === "blocked" ? answer : full;
      }
    }
  }

  async #obstacleOf(
    user: string,
    state: string,
    most: number,
  ): Promise<"too_many" | "unknown_user" | undefined> {
    const { reads, keys, deadlineMs } = this.#context;
    const names = [keys.mark(user), keys.groups(user)];
    const [count] = toTexts(await reads.script(COUNT_SCRIPT, names, [state], { deadlineMs }));
    if (count === undefined) return "unknown_user";
    return Number(count) >= most ? "too_many" : undefined;
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
